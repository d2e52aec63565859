//! What the tests' servers stand on: a port and a thread of their own, for as long as somebody
//! holds them.

use std::convert::Infallible;

use axum::Router;
use tokio::sync::oneshot;

/// A running server; dropping it ends it, whatever still hangs.
pub(crate) struct HttpServer {
    url: String,
    _stop: oneshot::Sender<Infallible>,
}

impl HttpServer {
    /// Serves on a free port of this machine.
    pub(crate) fn start(app: Router) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<Infallible>();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    served = axum::serve(listener, app) => served.unwrap(),
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        });
        Self { url, _stop: stop }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}
