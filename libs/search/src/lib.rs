//! Search in Chinese over what belongs to one person and what everybody may know.
//!
//! ```text
//! Document ─ tokens ─ postings ─┐
//!                               ├─ rank ─ highlight ─ Found
//! text of a query ─ Query ──────┘
//! ```
//!
//! - [`text`]: characters that compare equal (NFKC, lower case, simplified);
//! - [`dictionary`]: words of the knowledge base, what means the same, and pinyin;
//! - [`tokens`]: what of a text is looked up: words, single characters and pairs, runs
//!   of Latin letters and digits;
//! - [`query`]: what a person asks for, as clauses with alternatives;
//! - [`rank`]: BM25 over fields, closeness, and the order of pages;
//! - [`highlight`]: where it was found, as safe HTML;
//! - [`store`]: the index in plain tables of the database `health`;
//! - [`knowledge`]: the public documents;
//! - [`elastic`]: the same with a server that speaks Elasticsearch's protocol.
//!
//! All but `store` and the client of `elastic` is pure.

pub mod dictionary;
pub mod document;
pub mod elastic;
pub mod highlight;
pub mod knowledge;
pub mod page;
mod pinyin_of;
mod postings;
mod queries;
pub mod query;
pub mod rank;
pub mod store;
pub mod text;
pub mod tokens;

pub use document::{Document, Field};
pub use page::{Cursor, Found, Hit, Search};
pub use query::Query;
