//! Which cryptography TLS uses.

/// Makes sure that the process has a default provider before the first connection is configured.
///
/// rustls finds one by itself only if exactly one is compiled in, and panics otherwise; a program that also links
/// another HTTP client easily has two. A provider that the program installed itself is left alone.
#[cfg(feature = "ring")]
pub(super) fn ensure_provider() {
    install(rustls::crypto::ring::default_provider);
}

/// As above.
#[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
pub(super) fn ensure_provider() {
    install(rustls::crypto::aws_lc_rs::default_provider);
}

/// Without a provider of ours this is the program's own affair.
#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
pub(super) const fn ensure_provider() {}

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
fn install(provider: fn() -> rustls::crypto::CryptoProvider) {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // It only fails when another thread was faster, and then there is one.
        let _ = provider().install_default();
    }
}
