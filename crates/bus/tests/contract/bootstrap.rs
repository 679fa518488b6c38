use bytes::Bytes;
use gennaker_bus::layout::{Pool, Storage};
use gennaker_bus::{BootstrapError, Layout};

use super::{Broker, within};

pub async fn a_layout_may_grow_but_not_contradict_what_is_there(broker: &impl Broker) {
    let bus = broker.connect("main").await;
    bus.bootstrap(&broker.layout()).await.unwrap();
    bus.log(0).append(0, "a-1", Bytes::new()).await.unwrap();
    // The same again, and more of everything that may grow.
    bus.bootstrap(&broker.layout()).await.unwrap();
    let mut grown = broker.layout();
    grown.pools.push(Pool::new("bake"));
    grown.zones.push("b".to_owned());
    grown.log_bytes_max *= 4;
    bus.bootstrap(&grown).await.unwrap();
    assert_eq!(bus.log(0).last().await.unwrap().unwrap().sequence, 1);
    // Executions are found by the number of partitions: it stays.
    for asked in [broker.layout().partitions + 1, 1] {
        let counted = Layout {
            partitions: asked,
            ..broker.layout()
        };
        match bus.bootstrap(&counted).await {
            Err(BootstrapError::Partitions { recorded, .. }) => {
                assert_eq!(recorded, broker.layout().partitions);
            }
            other => panic!("{other:?}"),
        }
    }
    let contradiction = Layout {
        tasks: Storage::File,
        ..broker.layout()
    };
    match bus.bootstrap(&contradiction).await {
        Err(BootstrapError::Differs { object, field, .. }) => {
            assert_eq!((object.as_str(), field), ("GK_TASK_deploy", "storage"));
        }
        other => panic!("{other:?}"),
    }
    let slow = Layout {
        pools: vec![Pool {
            ack_wait: std::time::Duration::from_secs(90),
            ..Pool::new("deploy")
        }],
        ..broker.layout()
    };
    let error = bus.bootstrap(&slow).await.unwrap_err().to_string();
    assert!(
        error.contains("GK_TASK_deploy/deploy-any") && error.contains("ack_wait"),
        "{error}"
    );
    let senseless = Layout {
        replicas: 2,
        ..broker.layout()
    };
    assert!(matches!(
        bus.bootstrap(&senseless).await,
        Err(BootstrapError::Layout(_))
    ));
}

pub async fn several_processes_may_do_it_at_once(broker: &impl Broker) {
    let (a, b) = (broker.connect("a").await, broker.connect("b").await);
    let layout = broker.layout();
    let (first, second) = within("bootstrap", async {
        tokio::join!(a.bootstrap(&layout), b.bootstrap(&layout))
    })
    .await;
    first.unwrap();
    second.unwrap();
}
