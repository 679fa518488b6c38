//! Reading all headers of a partition for its index.

use gennaker_bus::Error;
use tokio::sync::mpsc::Sender;

use crate::{
    checkpoint::{self, Brief, Records},
    owner::Arrival,
};

/// How many documents are handed over at once.
const LOT: usize = 500;

/// Reads every header and hands its document to the owner.
///
/// # Errors
/// When the bucket does not answer; what was handed over already does no harm twice.
pub(crate) async fn scan(records: &Records, sender: &Sender<Arrival>) -> Result<(), Error> {
    let mut headers = records.kv.scan("x").await?;
    let mut documents = Vec::new();
    let mut unfinished = Vec::new();
    let mut deleted = Vec::new();
    loop {
        let next = headers.next().await.transpose()?;
        let last = next.is_none();
        if let Some(record) = next {
            match checkpoint::brief_of(records, record).await {
                Some(Brief::Finished {
                    document,
                    is_archived,
                }) => documents.push((*document, is_archived)),
                Some(Brief::Unfinished(id)) => unfinished.push(id),
                Some(Brief::Deleted(id, time)) => deleted.push((id, time)),
                None => {}
            }
        }
        if last || documents.len() + unfinished.len() + deleted.len() >= LOT {
            let arrival = Arrival::Indexed {
                documents: std::mem::take(&mut documents),
                unfinished: std::mem::take(&mut unfinished),
                deleted: std::mem::take(&mut deleted),
                last,
            };
            if sender.send(arrival).await.is_err() || last {
                return Ok(());
            }
        }
    }
}
