//! Connections that a gRPC server accepts.

use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;

/// The connections of `listener`, each of which sends at once (`TCP_NODELAY`).
///
/// `Server::tcp_nodelay` does not reach a server that is given its connections. Without this the accepted half of a stream waits until its
/// peer acknowledges what it sent before, for up to 40 ms (RFC 896, delayed acknowledgements of RFC 1122, section 4.2.3.2).
pub fn incoming(listener: TcpListener) -> TcpIncoming {
    TcpIncoming::from(listener).with_nodelay(Some(true))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpStream;
    use tokio_stream::StreamExt as _;

    use super::*;

    /// What is accepted does not wait for acknowledgements.
    #[tokio::test]
    async fn an_accepted_connection_sends_at_once() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let _peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let accepted = incoming(listener).next().await.unwrap().unwrap();
        assert!(accepted.nodelay().unwrap());
    }
}
