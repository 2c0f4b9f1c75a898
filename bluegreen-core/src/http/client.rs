//! The HTTP client of the probes: built when it is first needed, and without a way to panic.

use std::fmt;
use std::sync::OnceLock;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Url};

use crate::backend::{BackendError, chain};

const WITHOUT_TLS: &str =
    "use https without the feature `ring` or `aws-lc-rs` of bluegreen-core, or a client of the caller's";

/// A client of the caller's, or else one of our own for each scheme.
///
/// A client of our own opens a new connection for every request: an open one would stay at the color that it reached
/// first, whatever the route says by now. It follows no redirect, uses no proxy and sends nothing twice.
#[derive(Clone, Default)]
pub(super) struct HttpClient {
    given: Option<Client>,
    /// Apart from the one below, so that plain HTTP works on a machine without certificates.
    plain: OnceLock<Result<Client, String>>,
    secure: OnceLock<Result<Client, String>>,
}

impl HttpClient {
    pub(super) fn given(client: Client) -> Self {
        Self { given: Some(client), ..Self::default() }
    }

    pub(super) const fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// The client for `url`, on behalf of the backend that calls itself `backend`.
    pub(super) fn for_url(&self, url: &Url, backend: &str) -> Result<&Client, BackendError> {
        if let Some(given) = &self.given {
            return Ok(given);
        }
        let client = match url.scheme() {
            "http" => self.plain.get_or_init(|| build(tls::without_roots)),
            _ if !tls::ENABLED => {
                let (action, backend) = (WITHOUT_TLS.to_owned(), backend.to_owned());
                return Err(BackendError::Unsupported { action, backend });
            }
            _ => self.secure.get_or_init(|| build(tls::with_roots_of_the_platform)),
        };
        client.as_ref().map_err(|message| BackendError::Unusable {
            object: format!("the HTTP client of {backend}"),
            message: format!("{message}; install CA certificates, or give it a client of your own"),
        })
    }
}

/// Nothing of the client itself: its default headers may be secrets.
impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_given() { "HttpClient(given)" } else { "HttpClient(own)" })
    }
}

fn build(add_tls: impl FnOnce(ClientBuilder) -> Result<ClientBuilder, String>) -> Result<Client, String> {
    let builder = Client::builder()
        .user_agent(concat!("bluegreen/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .pool_max_idle_per_host(0);
    add_tls(builder)?.build().map_err(|error| chain(&error))
}

/// Left to itself, reqwest asks for the process-wide provider and panics where nobody has installed one, even for plain
/// HTTP. So it always gets a finished configuration.
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod tls {
    use std::sync::Arc;

    use reqwest::ClientBuilder;
    use rustls::client::WantsClientCert;
    use rustls::{ClientConfig, ConfigBuilder, Error, RootCertStore, WantsVerifier};
    use rustls_platform_verifier::BuilderVerifierExt;

    use crate::backend::chain;

    pub(super) const ENABLED: bool = true;

    #[cfg(feature = "ring")]
    use rustls::crypto::ring as provider;

    #[cfg(not(feature = "ring"))]
    use rustls::crypto::aws_lc_rs as provider;

    /// Trusts nobody, and reads no files.
    pub(super) fn without_roots(client: ClientBuilder) -> Result<ClientBuilder, String> {
        add(client, |builder| Ok(builder.with_root_certificates(RootCertStore::empty())))
    }

    /// Trusts whom the platform trusts.
    pub(super) fn with_roots_of_the_platform(client: ClientBuilder) -> Result<ClientBuilder, String> {
        add(client, BuilderVerifierExt::with_platform_verifier)
    }

    type Unverified = ConfigBuilder<ClientConfig, WantsVerifier>;
    type Verified = ConfigBuilder<ClientConfig, WantsClientCert>;

    fn add(
        client: ClientBuilder,
        verifier: impl FnOnce(Unverified) -> Result<Verified, Error>,
    ) -> Result<ClientBuilder, String> {
        let config = ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(verifier)
            .map_err(|error| chain(&error))?
            .with_no_client_auth();
        Ok(client.tls_backend_preconfigured(config))
    }
}

/// Without TLS there is nothing to configure.
#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
mod tls {
    use reqwest::ClientBuilder;

    pub(super) const ENABLED: bool = false;

    pub(super) fn without_roots(client: ClientBuilder) -> Result<ClientBuilder, String> {
        Ok(client)
    }

    pub(super) use without_roots as with_roots_of_the_platform;
}
