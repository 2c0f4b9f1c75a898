//! The double of `Environment`.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{
    BackendError, Color, ColorObservation, Deploy, Description, Diagnosis, Environment, EnvironmentCapabilities,
    Preflight, Scale, Seal, Snapshot,
};
use futures_util::FutureExt;
use futures_util::stream::BoxStream;
use mockall::mock;

use super::over::{Double, Over, answer, pass};

mock! {
    /// A double of [`Environment`].
    #[derive(Debug)]
    pub Environment {}

    #[async_trait]
    impl Environment for Environment {
        fn describe(&self) -> Description;
        fn preflights(&self) -> Vec<Arc<dyn Preflight>>;
        fn capabilities(&self) -> EnvironmentCapabilities;
        async fn observe(&self, color: Color) -> Result<ColorObservation, BackendError>;
        fn watch(&self, color: Color) -> BoxStream<'static, Result<ColorObservation, BackendError>>;
        async fn deploy<'s, 'a>(&'s self, deploy: Deploy<'a>) -> Result<ColorObservation, BackendError>;
        async fn scale<'s, 'a>(&'s self, scale: Scale<'a>) -> Result<ColorObservation, BackendError>;
        async fn seal<'s, 'a>(&'s self, seal: Seal<'a>) -> Result<ColorObservation, BackendError>;
        async fn pin_capacity(&self, color: Color, minimum: Option<u32>) -> Result<bool, BackendError>;
        async fn snapshot(&self, color: Color) -> Result<Snapshot, BackendError>;
        async fn restore(&self, snapshot: &Snapshot) -> Result<(), BackendError>;
        async fn diagnose(&self, color: Color) -> Result<Diagnosis, BackendError>;
    }
}

impl MockEnvironment {
    /// Puts the mock in front of `environment`, which answers whatever no expectation is left for.
    pub fn over<B: Environment>(self, environment: B) -> Over<Self, B> {
        Over::new(self, environment)
    }
}

impl<B: Environment> Double<B> for MockEnvironment {
    fn defer_to(&mut self, backend: &Arc<B>) {
        let behind = Arc::clone(backend);
        self.expect_describe().returning(move || behind.describe());
        let behind = Arc::clone(backend);
        self.expect_preflights().returning(move || behind.preflights());
        let behind = Arc::clone(backend);
        self.expect_capabilities().returning(move || behind.capabilities());
        let behind = Arc::clone(backend);
        self.expect_watch().returning(move |color| behind.watch(color));
        self.expect_observe().returning(|_| Err(pass()));
        self.expect_deploy().returning(|_| Err(pass()));
        self.expect_scale().returning(|_| Err(pass()));
        self.expect_seal().returning(|_| Err(pass()));
        self.expect_pin_capacity().returning(|_, _| Err(pass()));
        self.expect_snapshot().returning(|_| Err(pass()));
        self.expect_restore().returning(|_| Err(pass()));
        self.expect_diagnose().returning(|_| Err(pass()));
    }

    fn verify(&mut self) {
        self.checkpoint();
    }
}

#[async_trait]
impl<B: Environment> Environment for Over<MockEnvironment, B> {
    fn describe(&self) -> Description {
        self.lock().describe()
    }

    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        self.lock().preflights()
    }

    fn capabilities(&self) -> EnvironmentCapabilities {
        self.lock().capabilities()
    }

    async fn observe(&self, color: Color) -> Result<ColorObservation, BackendError> {
        answer!(self.observe(color))
    }

    fn watch(&self, color: Color) -> BoxStream<'static, Result<ColorObservation, BackendError>> {
        self.lock().watch(color)
    }

    async fn deploy(&self, deploy: Deploy<'_>) -> Result<ColorObservation, BackendError> {
        answer!(self.deploy(deploy))
    }

    async fn scale(&self, scale: Scale<'_>) -> Result<ColorObservation, BackendError> {
        answer!(self.scale(scale))
    }

    async fn seal(&self, seal: Seal<'_>) -> Result<ColorObservation, BackendError> {
        answer!(self.seal(seal))
    }

    async fn pin_capacity(&self, color: Color, minimum: Option<u32>) -> Result<bool, BackendError> {
        answer!(self.pin_capacity(color, minimum))
    }

    async fn snapshot(&self, color: Color) -> Result<Snapshot, BackendError> {
        answer!(self.snapshot(color))
    }

    async fn restore(&self, snapshot: &Snapshot) -> Result<(), BackendError> {
        answer!(self.restore(snapshot))
    }

    async fn diagnose(&self, color: Color) -> Result<Diagnosis, BackendError> {
        answer!(self.diagnose(color))
    }
}
