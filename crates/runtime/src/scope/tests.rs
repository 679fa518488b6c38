use super::*;

const SOON: Duration = Duration::from_secs(5);

async fn until_cancelled(scope: Scope) {
    scope.cancelled().await;
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_tasks_of_the_whole_subtree() {
    let root = Scope::root("process");
    let child = root.child("scheduler");
    root.spawn("a", until_cancelled(root.clone()));
    let slow = child.clone();
    child.spawn("b", async move {
        slow.cancelled().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    });
    assert_eq!((root.tasks(), child.tasks()), (2, 1));
    drop(child);
    let began = tokio::time::Instant::now();
    assert!(root.shutdown(SOON).await.is_clean());
    assert_eq!(began.elapsed(), Duration::from_secs(2));
    assert_eq!(root.tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_child_ends_alone() {
    let root = Scope::root("process");
    let child = root.child("partition-3");
    root.spawn("a", until_cancelled(root.clone()));
    child.spawn("b", until_cancelled(child.clone()));
    assert!(child.shutdown(SOON).await.is_clean());
    assert!(!root.is_cancelled());
    assert_eq!(root.tasks(), 1);
    assert!(child.spawn("late", async {}).is_none());
    assert!(root.spawn("still", async {}).is_some());
    assert!(root.shutdown(SOON).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn names_what_did_not_end_and_aborts_it() {
    let root = Scope::root("process");
    let held = Arc::new(());
    let seen = Arc::clone(&held);
    root.child("worker").spawn("stubborn", async move {
        let _held = seen;
        std::future::pending::<()>().await;
    });
    root.spawn("good", until_cancelled(root.clone()));
    let report = root.shutdown(SOON).await;
    assert_eq!(report.late, ["process/worker/stubborn"]);
    assert!(!report.is_clean());
    tokio::time::timeout(SOON, root.idle()).await.unwrap();
    assert_eq!(
        Arc::strong_count(&held),
        1,
        "the aborted task's values are dropped"
    );
}

#[tokio::test(start_paused = true)]
async fn reports_panics_and_goes_on() {
    let root = Scope::root("process");
    let child = root.child("gate");
    let number = 7;
    child.spawn("formatted", async move { panic!("no {number}") });
    root.spawn("plain", async {
        tokio::task::yield_now().await;
        panic!("plain")
    });
    root.idle().await;
    assert!(!root.is_cancelled());
    let mut report = root.shutdown(SOON).await;
    report.panicked.sort_by(|a, b| a.task.cmp(&b.task));
    let expected = [
        ("process/gate/formatted", "no 7"),
        ("process/plain", "plain"),
    ];
    let got: Vec<_> = report
        .panicked
        .iter()
        .map(|p| (p.task.as_str(), p.message.as_str()))
        .collect();
    assert_eq!(got, expected);
    assert_eq!(child.shutdown(SOON).await.panicked.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn remembers_a_bounded_number_of_panics() {
    let root = Scope::root("process");
    for _ in 0..Report::PANICS_MAX + 5 {
        root.spawn("p", async { panic!("again") });
    }
    assert_eq!(root.shutdown(SOON).await.panicked.len(), Report::PANICS_MAX);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_kept_task_stops_the_tree() {
    let root = Scope::root("process");
    let child = root.child("scheduler");
    root.spawn("a", until_cancelled(root.clone()));
    child.keep("loop", async { panic!("broken") });
    root.cancelled().await;
    let report = root.shutdown(SOON).await;
    assert_eq!(
        report.ended_early.as_deref(),
        Some("process/scheduler/loop")
    );
    assert_eq!(report.panicked.len(), 1);
    assert!(report.late.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_kept_task_may_end_when_asked() {
    let root = Scope::root("process");
    root.keep("loop", until_cancelled(root.clone()));
    assert!(root.shutdown(SOON).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn tasks_started_while_shutting_down_are_awaited() {
    let root = Scope::root("process");
    let scope = root.clone();
    root.spawn("parent", async move {
        scope.cancelled().await;
        scope.spawn("flush", async {
            tokio::time::sleep(Duration::from_secs(1)).await
        });
    });
    let began = tokio::time::Instant::now();
    assert!(root.shutdown(SOON).await.is_clean());
    assert_eq!(began.elapsed(), Duration::from_secs(1));
    assert!(root.child("new").spawn("x", async {}).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_handle_stops_one_task() {
    let root = Scope::root("process");
    let handle = root.spawn("one", std::future::pending()).unwrap();
    root.spawn("two", until_cancelled(root.clone()));
    handle.abort();
    while root.tasks() > 1 {
        tokio::task::yield_now().await;
    }
    assert!(root.shutdown(SOON).await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_short_tasks_leave_nothing_behind() {
    let root = Scope::root("process");
    let child = root.child("release");
    for _ in 0..10_000 {
        child.spawn("publish", async { tokio::task::yield_now().await });
    }
    tokio::time::timeout(Duration::from_secs(30), root.idle())
        .await
        .unwrap();
    assert_eq!((root.tasks(), child.tasks()), (0, 0));
    assert!(root.shutdown(SOON).await.is_clean());
}
