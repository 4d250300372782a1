//! What sessions do with stream toxics, over real sockets.
