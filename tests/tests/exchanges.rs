//! The worked exchanges and the traps of the API reference (`docs/reference/api.md`, sections 10 and 11), as files in
//! `tests/exchanges`, against one `gennaker dev`.
//!
//! Without a test here: what needs clouds (a `deleteApplication` that is refused while clusters exist) or a sign-in (form login,
//! permissions).

gennaker_tests::exchanges! {
    "exchanges":
    // Section 10, in its order.
    version
    exact_codes
    empty_bodies
    read_after_write
    no_added_keys
    times_as_text
    names_in_lower_case
    application_document
    unknown_account
    errors
    sloppy_requests
    start_with_event_id
    silent_delete
    history_of_one
    create_is_upsert
    json_for_browsers
    // Section 11, in its order.
    application_save
    application_get
    pipeline_save
    duplicate_name
    execute_judge_cancel
    application_delete
    failed_task
    template_save_and_delete
    template_plan
    deck_start
    // Section 2, what the others leave out.
    entity_tags
}
