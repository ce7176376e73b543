-- The search index. The owner is the user whose documents these are; '' is everybody's:
-- the public knowledge. Every key begins with the owner, so that a search costs what
-- one person has.
CREATE TABLE search_documents (
    owner TEXT NOT NULL,
    -- A short key made of kind and id.
    document TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    -- None for what is true at any time.
    at_ms INTEGER,
    -- How many tokens each field has, separated by commas.
    lengths TEXT NOT NULL,
    -- Of the content: the same again is not written again.
    checksum TEXT NOT NULL,
    -- JSON: the text of each field, as it is shown.
    fields TEXT NOT NULL,
    -- JSON: the terms that stand in search_postings.
    terms TEXT NOT NULL,
    PRIMARY KEY (owner, document)
) WITHOUT ROWID;

-- Where a term stands in a document.
CREATE TABLE search_postings (
    owner TEXT NOT NULL,
    term TEXT NOT NULL,
    document TEXT NOT NULL,
    -- Field and positions, such as 0:1,7|3:20.
    places TEXT NOT NULL,
    PRIMARY KEY (owner, term, document)
) WITHOUT ROWID;

-- What ranking needs of all documents of an owner.
CREATE TABLE search_owners (
    owner TEXT PRIMARY KEY,
    documents INTEGER NOT NULL,
    -- The sum of their lengths, field by field.
    length_name INTEGER NOT NULL,
    length_synonym INTEGER NOT NULL,
    length_symptom INTEGER NOT NULL,
    length_text INTEGER NOT NULL,
    -- Of the documents of '': the knowledge base they were made of.
    version TEXT NOT NULL
) WITHOUT ROWID;

-- How far an import has come. Lines are those of the file, from 1.
CREATE TABLE imports (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    next_line INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    duplicated INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) WITHOUT ROWID;

-- Lines that an import refused; no values.
CREATE TABLE import_rejects (
    user_id TEXT NOT NULL,
    import_id TEXT NOT NULL,
    line INTEGER NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (user_id, import_id, line)
) WITHOUT ROWID;
