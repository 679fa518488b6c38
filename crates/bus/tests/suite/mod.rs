//! The list of the contract's tests, for each broker that must keep it.

macro_rules! for_each_test {
    ($run:ident) => {
        $run! {
            bootstrap::a_layout_may_grow_but_not_contradict_what_is_there,
            bootstrap::several_processes_may_do_it_at_once,
            log::appends_go_to_the_expected_sequence_only,
            log::a_repeated_append_finds_itself,
            log::reading_is_in_order_and_complete,
            log::a_purge_shows_as_a_gap_and_spares_the_last,
            log::large_messages_come_back_whole,
            log::a_full_log_says_so_and_goes_on_after_a_purge,
            log::a_log_that_does_not_exist_is_an_error,
            kv::writes_are_conditional,
            kv::a_deleted_key_reads_as_absent_and_can_be_made_again,
            kv::erasing_takes_exactly_one_revision,
            kv::a_scan_is_complete_and_bounded,
            kv::a_scan_during_writes_misses_nothing,
            kv::a_watch_tells_what_is_then_what_changes,
            kv::history_lists_values_oldest_first,
            kv::records_with_a_lifetime_vanish,
            lease::a_lease_excludes_until_released,
            lease::a_lease_lives_while_renewed_and_expires_after,
            lease::a_renewal_that_was_given_up_is_recognised,
            lease::an_expiry_is_told_to_watchers,
            tasks::a_task_exists_once_until_it_is_acknowledged,
            tasks::a_task_comes_again_after_nak_and_after_silence,
            tasks::a_terminated_task_does_not_come_again,
            tasks::zones_get_their_own_tasks,
            tasks::a_pull_takes_no_more_than_its_slots,
            tasks::a_consumer_that_is_made_again_keeps_the_tasks,
            tasks::the_limit_of_a_pool_holds,
            tasks::events_are_stored_and_delivered_until_acknowledged,
            tasks::events_that_come_together_are_stored_together_and_delivered_each,
            commands::a_command_without_owner_is_refused_at_once,
            commands::the_owner_answers_and_large_answers_come_whole,
            commands::silence_is_a_timeout,
            commands::hints_reach_subscribers_and_questions_one_of_a_group,
        }
    };
}
