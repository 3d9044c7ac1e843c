//! Pages over TLS with a certificate of our own making, for an API server that asks us.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// Connections at once; an API server needs a handful.
const CONNECTIONS: usize = 64;
/// How long a handshake, or the head of a request, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A page: its status and its JSON.
pub type Page = (u16, String);
/// Makes the page for a path and its query (without `?`).
pub type Pages = Arc<dyn Fn(String, String) -> Pin<Box<dyn Future<Output = Page> + Send>> + Send + Sync>;

/// A key and a certificate that nobody else vouches for.
#[derive(Clone)]
pub struct Certificate(TlsAcceptor);

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

impl Certificate {
    /// A new one for these DNS names.
    ///
    /// # Errors
    /// A name that is none.
    pub fn generate(names: &[&str]) -> Result<Self, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).map_err(|error| error.to_string())?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .map_err(|error| error.to_string())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

/// Serves GET of `pages` until `shutdown` resolves.
pub async fn serve_pages(
    listener: TcpListener,
    certificate: Certificate,
    pages: Pages,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else {
            // Out of descriptors, or a connection that died in the backlog: both pass.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            continue;
        };
        let (certificate, pages) = (certificate.clone(), Arc::clone(&pages));
        tokio::spawn(async move {
            if let Err(problem) = exchange(socket, certificate, pages).await {
                tracing::debug!(problem, "a connection of the pages ended");
            }
            drop(slot);
        });
    }
}

async fn exchange(socket: TcpStream, certificate: Certificate, pages: Pages) -> Result<(), String> {
    let handshake = tokio::time::timeout(PATIENCE, certificate.0.accept(socket)).await;
    let stream = handshake
        .map_err(|_| "the handshake took too long".to_owned())?
        .map_err(|error| error.to_string())?;
    let service = service_fn(move |request: Request<Incoming>| {
        let pages = Arc::clone(&pages);
        async move { Ok::<_, Infallible>(answer(&request, &pages).await) }
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(|error| error.to_string())
}

async fn answer(request: &Request<Incoming>, pages: &Pages) -> Response<Full<Bytes>> {
    let (status, body) = if request.method() == hyper::Method::GET {
        let uri = request.uri();
        pages(uri.path().to_owned(), uri.query().unwrap_or_default().to_owned()).await
    } else {
        (405, String::new())
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    use super::*;

    /// A client that trusts the certificate reads the page over TLS.
    #[tokio::test]
    async fn a_page_is_read_over_tls() {
        let made = rcgen::generate_simple_self_signed(vec!["metrics".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let certificate = Certificate(TlsAcceptor::from(Arc::new(config)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pages: Pages = Arc::new(|path, query| Box::pin(async move { (200, format!("{path} {query}")) }));
        tokio::spawn(serve_pages(listener, certificate, pages, std::future::pending()));
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("metrics").unwrap();
        let mut stream = TlsConnector::from(Arc::new(client))
            .connect(name, socket)
            .await
            .unwrap();
        let request = b"GET /apis/x?a=b HTTP/1.1\r\nhost: metrics\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut reply = String::new();
        // A server that closes without a TLS goodbye is a matter of taste, not of the page.
        let _read = stream.read_to_string(&mut reply).await;
        assert!(
            reply.starts_with("HTTP/1.1 200") && reply.ends_with("/apis/x a=b"),
            "{reply}"
        );
    }

    /// What is no name gets no certificate that pretends to be for it.
    #[test]
    fn a_certificate_is_made_for_names() {
        assert!(Certificate::generate(&["metrics.tally-system.svc"]).is_ok());
        assert!(Certificate::generate(&["\u{e4}"]).is_err());
    }
}
