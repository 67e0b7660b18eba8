//! viewer/decode-worker
