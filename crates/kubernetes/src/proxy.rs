//! Whether a cluster is behind a proxy.
//!
//! The client library takes `HTTPS_PROXY` for every cluster of a kubeconfig, also for one on this machine and for one that `NO_PROXY`
//! names. Here the rules are those of all other calls ([`Proxies`]). Calls that remain for a proxy are refused with a sentence that says
//! what to do: the library is built without proxies.

use gennaker_outbound::Proxies;
use kube::Config;
use kube::config::Kubeconfig;
use url::Url;

/// Takes a proxy away that is not meant for this cluster.
///
/// # Errors
/// One that is meant for it, which is not built.
pub(crate) fn settle(config: &mut Config, own: &[Url]) -> Result<(), String> {
    let Some(found) = config.proxy_url.take() else {
        return Ok(());
    };
    let is_own = Url::parse(&found.to_string()).is_ok_and(|found| own.contains(&found));
    let environment = Proxies::from_environment().map_err(|error| error.to_string())?;
    check(&config.cluster_url.to_string(), is_own, &environment)
}

/// The proxies that a kubeconfig names for its clusters.
pub(crate) fn named(kubeconfig: &Kubeconfig) -> Vec<Url> {
    let clusters = kubeconfig.clusters.iter();
    let named = clusters.filter_map(|it| it.cluster.as_ref()?.proxy_url.as_deref());
    named.filter_map(|text| Url::parse(text).ok()).collect()
}

fn check(cluster: &str, is_own: bool, environment: &Proxies) -> Result<(), String> {
    const NOT_BUILT: &str = "calls of clusters through a proxy are not built";
    if is_own {
        return Err(format!("its kubeconfig has a proxy-url, and {NOT_BUILT}"));
    }
    let cluster =
        Url::parse(cluster).map_err(|error| format!("{cluster} is no address: {error}"))?;
    match environment.for_url(&cluster) {
        None => Ok(()),
        Some(_) => Err(format!(
            "HTTPS_PROXY is set, and {NOT_BUILT}; if {} is reached without one, name it in NO_PROXY",
            cluster.host_str().unwrap_or_default()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_of_the_environment_counts_only_where_it_is_meant() {
        let environment = Proxies::from_variables(|name| match name {
            "https_proxy" => Some("http://proxy.example.com:3128".to_owned()),
            "no_proxy" => Some("10.0.0.0/8,.corp.example".to_owned()),
            _ => None,
        })
        .unwrap();
        for direct in [
            "https://127.0.0.1:6443/",
            "https://localhost:6443/",
            "https://10.1.2.3/",
            "https://k8s.corp.example/",
        ] {
            assert_eq!(check(direct, false, &environment), Ok(()), "{direct}");
        }
        let refused = check("https://k8s.example.com/", false, &environment).unwrap_err();
        assert!(refused.contains("name it in NO_PROXY"), "{refused}");
        assert!(refused.contains("k8s.example.com"), "{refused}");
        let own = check("https://127.0.0.1/", true, &Proxies::none()).unwrap_err();
        assert!(own.contains("proxy-url"), "{own}");
    }
}
