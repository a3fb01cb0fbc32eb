//! How an operation enters a graph, candle's own or that of a [`Tape`](tape::Tape), and finds its way back.

pub(crate) mod node;
pub(crate) mod saved;
pub(crate) mod storage;
pub(crate) mod tape;
