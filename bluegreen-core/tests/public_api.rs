//! Every public path, imported: a moved or lost item fails here, on stable Rust.

#[rustfmt::skip]
#[expect(unused_imports, reason = "importing is the test")]
mod paths {
    use bluegreen_core::engine::{
        Activity, Decide, Decision, Doubt, Engine, Holding, IllegalEvent, Intent, ProbeStage, Reading, SourceState, State,
        Then, Tries, View, WatchState, WayBack,
    };
    #[cfg(feature = "http")]
    use bluegreen_core::http::{HttpDrain, HttpProbe, Statuses, TcpProbe};
    use bluegreen_core::plan::{
        ApprovalSpec, CanaryStep, Capacity, Criterion, Expiry, Guard, MigrationSpec, NoData, Placement, PlanError, PlanSpec,
        PodLimits, ProbeSpec, Problem, RollBackSpec, SignalSpec, Threshold, Watch, WatchSpec, WriteBudget,
    };
    use bluegreen_core::report::{Counts, Entry, Evidence, Figures, SourceFigures, WriteCount};
    use bluegreen_core::{
        Address, Autoscaler, BackendError, Bucket, Change, Check, Clock, Color, ColorObservation, Convergence, Deploy,
        Description, Diagnosis, Drainer, Effect, End, Ending, Endpoint, Entropy, Environment, EnvironmentCapabilities,
        ErrorSignal, Event, Fence, FileJournal, Finding, Gate, GateContext, GateDecision, Handle, HealthProbe, Holder,
        Journal, JournalError, Kind, Log, Measure, MemoryJournal, MigrationPhase, MigrationRun, MigrationRunner,
        MigrationStatus, Observer, Obstacle, ObstacleKind, OldReleaseReport, On, OpenConnections, Outcome, ParseColorError,
        ParseMarkError, ParseSplitError, ParseStampError, PendingMigrations, PerColor, Planned, PlannedStage, Preflight,
        PreflightContext, ProbeReport, ProbeTarget, Proof, RECORD_VERSION, Record, Release, Report, Request, RequestError,
        Rollout, RolloutBuilder, RolloutId, RouteMark, RouteObject, RouteObservation, RouteState, RouteStep, RouteWrite,
        RouterCapabilities, RunError, Sample, Scale, Seal, Snapshot, SnapshotObject, Source, Split, Stage, Stamp, Started,
        Status, System, Target, TargetStatus, TrafficRouter, Update, Verdict, Via, Waiting, Window, Write, chain, polling,
    };
}

#[test]
fn traits_are_object_safe() {
    fn object<T: ?Sized>() {}
    object::<dyn bluegreen_core::Environment>();
    object::<dyn bluegreen_core::TrafficRouter>();
    object::<dyn bluegreen_core::HealthProbe>();
    object::<dyn bluegreen_core::MigrationRunner>();
    object::<dyn bluegreen_core::ErrorSignal>();
    object::<dyn bluegreen_core::Journal>();
    object::<dyn bluegreen_core::Gate>();
    object::<dyn bluegreen_core::Preflight>();
    object::<dyn bluegreen_core::Drainer>();
    object::<dyn bluegreen_core::Observer>();
    object::<dyn bluegreen_core::engine::Decide>();
}
