//! Several servers as one cluster.

use gennaker_broker::monitor;

use super::{Server, free_port, wait_until};

/// Tries to find ports that stay free until the servers took them.
const TRIES: u32 = 3;

/// Servers that replicate among each other. They end with this value.
pub struct Cluster {
    servers: Vec<Server>,
}

impl Cluster {
    /// Starts a cluster of this many servers and waits until each is healthy.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub fn start(size: usize) -> Self {
        for _ in 1..TRIES {
            if let Ok(cluster) = std::panic::catch_unwind(|| Self::try_start(size)) {
                return cluster;
            }
        }
        Self::try_start(size)
    }

    /// The addresses for clients, all of them.
    pub fn urls(&self) -> Vec<String> {
        self.servers.iter().map(Server::url).collect()
    }

    /// The servers, in order.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// One server, to be killed, paused or restarted.
    pub fn server(&mut self, at: usize) -> &mut Server {
        &mut self.servers[at]
    }

    /// Which server leads a stream, as seen by the server `from`.
    pub fn leader(&self, from: usize, stream: &str) -> Option<usize> {
        let port = self.servers[from].monitor_port;
        let page = monitor::json(port, "/jsz?accounts=true&streams=true")?;
        let accounts = page["account_details"].as_array()?;
        let streams = accounts
            .iter()
            .filter_map(|account| account["stream_detail"].as_array());
        let found = streams.flatten().find(|detail| detail["name"] == stream)?;
        let leader = found["cluster"]["leader"].as_str()?;
        self.servers.iter().position(|server| server.name == leader)
    }

    /// Waits until every running server calls itself healthy.
    ///
    /// # Panics
    /// When one does not in time.
    pub fn wait_healthy(&self) {
        for server in self
            .servers
            .iter()
            .filter(|server| server.process.is_some())
        {
            server.wait_healthy();
        }
    }

    fn try_start(size: usize) -> Self {
        let cluster_ports: Vec<u16> = (0..size).map(|_| free_port()).collect();
        let routes: Vec<String> = cluster_ports
            .iter()
            .map(|port| format!("\"nats-route://127.0.0.1:{port}\""))
            .collect();
        let routes = routes.join(", ");
        let mut servers: Vec<Server> = cluster_ports
            .iter()
            .enumerate()
            .map(|(at, port)| {
                let extra = format!(
                    "cluster {{ name: test, listen: \"127.0.0.1:{port}\", routes: [{routes}] }}\n"
                );
                Server::prepare(&format!("n{at}"), &extra)
            })
            .collect();
        for server in &mut servers {
            server.spawn();
        }
        let cluster = Self { servers };
        cluster.wait_healthy();
        wait_until("the cluster has a leader", || {
            let page = monitor::json(cluster.servers[0].monitor_port, "/jsz");
            page.is_some_and(|page| page["meta_cluster"]["leader"].is_string())
        });
        cluster
    }
}
