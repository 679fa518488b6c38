use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::{Class, CommandError, subject};

use super::{Broker, DEADLINE, ready, within};

pub async fn a_command_without_owner_is_refused_at_once(broker: &impl Broker) {
    let bus = ready(broker).await;
    let answer = bus.command(0, Class::Request, Bytes::new(), DEADLINE).await;
    assert!(matches!(answer, Err(CommandError::NoOwner)), "{answer:?}");
}

pub async fn the_owner_answers_and_large_answers_come_whole(broker: &impl Broker) {
    let bus = ready(broker).await;
    let owner = broker.connect("owner").await;
    let mut commands = owner.serve_commands(0).await.unwrap();
    let serve = async {
        while let Some(command) = commands.next().await {
            let class = command.class;
            let answer = match class {
                Class::Report => Bytes::from_static(b"noted"),
                Class::Request => {
                    let size = String::from_utf8(command.payload.to_vec())
                        .unwrap()
                        .parse()
                        .unwrap();
                    (0..size).map(|n: usize| (n % 251) as u8).collect()
                }
            };
            command.responder.send(answer).await.unwrap();
        }
    };
    let ask = async {
        let ask = async || bus.command(0, Class::Report, Bytes::new(), DEADLINE).await;
        let noted = once_served(ask).await;
        assert_eq!(noted, Bytes::from_static(b"noted"));
        for size in [0_usize, 10, 512 * 1024, 512 * 1024 + 1, 5_000_000] {
            let payload = Bytes::from(size.to_string());
            let ask = async || {
                bus.command(0, Class::Request, payload.clone(), DEADLINE)
                    .await
            };
            let answer = once_served(ask).await;
            assert_eq!(answer.len(), size);
            assert!(
                answer
                    .iter()
                    .enumerate()
                    .all(|(at, byte)| *byte == (at % 251) as u8)
            );
        }
    };
    tokio::select! {
        biased;
        () = ask => {}
        () = serve => panic!("the stream of commands ended"),
    }
}

pub async fn silence_is_a_timeout(broker: &impl Broker) {
    let bus = ready(broker).await;
    let owner = broker.connect("owner").await;
    let mut commands = owner.serve_commands(1).await.unwrap();
    let short = Duration::from_millis(300);
    let ask = served(async || {
        bus.command(1, Class::Request, Bytes::from_static(b"?"), short)
            .await
    });
    let (answer, command) = within("command", async { tokio::join!(ask, commands.next()) }).await;
    assert!(matches!(answer, Err(CommandError::Timeout)), "{answer:?}");
    assert_eq!(&command.unwrap().payload[..], b"?");
    let huge = Bytes::from(vec![0_u8; 3_000_000]);
    let answer = bus.command(1, Class::Request, huge, short).await;
    assert!(
        matches!(answer, Err(CommandError::TooLarge { .. })),
        "{answer:?}"
    );
}

pub async fn hints_reach_subscribers_and_questions_one_of_a_group(broker: &impl Broker) {
    let bus = ready(broker).await;
    let other = broker.connect("other").await;
    let mut feed = other.subscribe(subject::feed_of("my app")).await.unwrap();
    let mut asks = other
        .serve(subject::ask("deploy", "k8s"), Some("workers"))
        .await
        .unwrap();
    let mut asks_too = other
        .serve(subject::ask("deploy", "k8s"), Some("workers"))
        .await
        .unwrap();
    other.log(0).last().await.unwrap();
    bus.publish(subject::feed("other", "01"), Bytes::from_static(b"no"))
        .await
        .unwrap();
    bus.publish(subject::feed("my app", "02"), Bytes::from_static(b"yes"))
        .await
        .unwrap();
    let (subject, payload) = within("hint", feed.next()).await.unwrap();
    assert_eq!(
        (subject.as_str(), &payload[..]),
        ("gk.feed.my%20app.02", &b"yes"[..])
    );
    let serve = async {
        for _ in 0..4 {
            let question = tokio::select! {
                biased;
                question = asks.next() => question.unwrap(),
                question = asks_too.next() => question.unwrap(),
            };
            question.responder.send(question.payload).await.unwrap();
        }
    };
    let ask = async {
        for n in ["1", "2", "3", "4"] {
            let ask = async || {
                bus.ask(subject::ask("deploy", "k8s"), Bytes::from(n), DEADLINE)
                    .await
            };
            let answer = once_served(ask).await;
            assert_eq!(&answer[..], n.as_bytes());
        }
    };
    Box::pin(within("questions", async { tokio::join!(serve, ask) })).await;
    let none = bus
        .ask(subject::ask("deploy", "aws"), Bytes::new(), DEADLINE)
        .await;
    assert!(matches!(none, Err(CommandError::NoOwner)), "{none:?}");
}

/// In a cluster, other servers learn of a subscription a moment later; so do other nodes of the twin.
async fn served(
    mut call: impl AsyncFnMut() -> Result<Bytes, CommandError>,
) -> Result<Bytes, CommandError> {
    loop {
        match call().await {
            Err(CommandError::NoOwner) => tokio::time::sleep(Duration::from_millis(10)).await,
            answer => return answer,
        }
    }
}

async fn once_served(call: impl AsyncFnMut() -> Result<Bytes, CommandError>) -> Bytes {
    within("an answer", served(call)).await.unwrap()
}
