//! Two people apply the same at the same time.

use super::lab::Lab;
use crate::env::Env;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_applies_at_once_are_kept_apart_by_their_preconditions() {
    let lab = Lab::open().await;
    let guarded = lab.app("guarded");
    let input = lab.input("apps", &[lab.app("open"), guarded.clone()]);
    let packctl = lab.packctl();
    let mark = Env::get().mark();
    let args = ["apply", "--yes", "-f", &input];
    let (one, two) = futures::join!(packctl.run(&args), packctl.run(&args));
    for ended in [&one, &two] {
        assert!(matches!(ended.status, Some(0 | 5)), "{ended:?}");
    }
    let made =
        lab.requests_of(&lab.user, mark).into_iter().filter(|request| request.is_write() && request.status == 201);
    let mut made: Vec<String> = made.map(|request| request.uri).collect();
    made.sort();
    let before = made.len();
    made.dedup();
    assert_eq!(made.len(), before, "something was made twice: {made:#?}");
    assert!(before >= 18, "the log shows what was made: {made:#?}");
    packctl.run(&["apply", "--yes", "-f", &input]).await.succeeds();
    lab.at_rest(&input).await;
    let clients: Vec<_> = lab.clients().await.into_iter().map(|client| client["clientId"].clone()).collect();
    assert_eq!(clients, [guarded.client_id()]);
    lab.close().await;
}
