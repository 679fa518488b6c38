//! Following redirects ourselves, so that every hop meets the policy.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, COOKIE, LOCATION,
    PROXY_AUTHORIZATION,
};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::Prepared;

/// Where a response redirects to: none if it does not, an error if it names something that is not a URL.
pub(super) fn target(from: &Url, response: &reqwest::Response) -> Option<Result<Url, String>> {
    target_of(from, response.status(), response.headers())
}

fn target_of(from: &Url, status: StatusCode, headers: &HeaderMap) -> Option<Result<Url, String>> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = headers.get(LOCATION)?;
    let target = location
        .to_str()
        .map_err(|_| "its location is not text".to_owned())
        .and_then(|text| {
            from.join(text)
                .map_err(|error| format!("its location is not a URL: {error}"))
        });
    Some(target.map(|mut url| {
        url.set_fragment(None);
        url
    }))
}

/// The request of the next hop. 303 becomes GET, as does a POST that is answered with 301 or 302, which is what
/// everyone does; another origin sees none of the credentials.
pub(super) fn next(request: Prepared, status: StatusCode, target: Url) -> Prepared {
    let Prepared {
        mut method,
        url,
        mut headers,
        mut secret_headers,
        mut body,
    } = request;
    let to_get = match status.as_u16() {
        303 => method != Method::HEAD,
        301 | 302 => method == Method::POST,
        _ => false,
    };
    if to_get {
        method = Method::GET;
        body = None;
        for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
            headers.remove(&name);
            secret_headers.remove(&name);
        }
    }
    if url.origin() != target.origin() {
        for name in [
            AUTHORIZATION,
            COOKIE,
            PROXY_AUTHORIZATION,
            http::header::HOST,
        ] {
            headers.remove(&name);
        }
        secret_headers.clear();
    }
    Prepared {
        method,
        url: target,
        headers,
        secret_headers,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn post() -> Prepared {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "text/plain"),
            ("authorization", "Basic x"),
            ("x-own", "1"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let mut secret_headers = HeaderMap::new();
        secret_headers.insert("x-token", "t".parse().unwrap());
        let url = url("https://a.example.com/x");
        Prepared {
            method: Method::POST,
            url,
            headers,
            secret_headers,
            body: Some("b".into()),
        }
    }

    #[test]
    fn locations() {
        let from = url("https://a.example.com/x/y?q=1");
        let with = |status: u16, location: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(location) = location {
                headers.insert(LOCATION, location.parse().unwrap());
            }
            target_of(&from, StatusCode::from_u16(status).unwrap(), &headers)
        };
        assert_eq!(
            with(302, Some("z#part")),
            Some(Ok(url("https://a.example.com/x/z")))
        );
        assert_eq!(
            with(308, Some("//b.example.com/")),
            Some(Ok(url("https://b.example.com/")))
        );
        assert_eq!(
            with(301, Some("http://[")).map(|target| target.is_err()),
            Some(true)
        );
        assert_eq!(with(302, None), None);
        assert_eq!(with(304, Some("/z")), None);
        assert_eq!(with(200, Some("/z")), None);
    }

    #[test]
    fn methods() {
        for (status, method, expected) in [
            (301, Method::POST, Method::GET),
            (302, Method::POST, Method::GET),
            (302, Method::PUT, Method::PUT),
            (303, Method::PUT, Method::GET),
            (303, Method::HEAD, Method::HEAD),
            (307, Method::POST, Method::POST),
            (308, Method::DELETE, Method::DELETE),
        ] {
            let request = Prepared {
                method: method.clone(),
                ..post()
            };
            let next = next(
                request,
                StatusCode::from_u16(status).unwrap(),
                url("https://a.example.com/y"),
            );
            assert_eq!(next.method, expected, "{status} {method}");
            let dropped = expected == Method::GET;
            assert_eq!(next.body.is_none(), dropped, "{status} {method}");
            assert_eq!(
                next.headers.contains_key("content-type"),
                !dropped,
                "{status} {method}"
            );
            assert!(next.headers.contains_key("authorization"));
            assert!(next.secret_headers.contains_key("x-token"));
        }
    }

    #[test]
    fn another_origin_sees_no_credentials() {
        for other in [
            "https://b.example.com/",
            "http://a.example.com/",
            "https://a.example.com:8443/",
        ] {
            let next = next(post(), StatusCode::TEMPORARY_REDIRECT, url(other));
            assert!(!next.headers.contains_key("authorization"), "{other}");
            assert!(next.secret_headers.is_empty(), "{other}");
            assert!(next.headers.contains_key("x-own"), "{other}");
        }
    }
}
