//! agent-xiaoai-worker.
