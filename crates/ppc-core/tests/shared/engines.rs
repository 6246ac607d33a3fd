//! Tests that both engines must pass.

/// Each of these functions, which take the kind of engine, is a test of each engine.
macro_rules! on_each_engine {
    ($($name:ident)*) => {
        mod interp {
            $(#[test] fn $name() { super::$name(ppc_core::engine::EngineKind::Interp); })*
        }
        mod jit {
            $(#[test] fn $name() { super::$name(ppc_core::engine::EngineKind::Jit); })*
        }
    };
}
pub(crate) use on_each_engine;
