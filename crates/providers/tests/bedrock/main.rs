//! The bedrock provider: what it sends, what it makes of what comes back, and what it never shows.
