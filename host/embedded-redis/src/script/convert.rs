//! Between replies and Lua's values, by Redis's rules.

use mlua::{Either, Lua, LuaString, Table, Value};

use crate::error::CommandError;
use crate::reply::Reply;

/// Tables inside tables of one reply.
const DEPTH_MAX: usize = 64;
/// Values of one reply, and bytes of all its texts: a table can name another
/// one many times over.
const VALUES_MAX: usize = 1 << 20;
const TEXT_BYTES_MAX: usize = 64 << 20;

/// What a script sees of a reply; `true`, which no reply is, stands for `OK`.
pub(super) fn to_lua(lua: &Lua, reply: &Reply) -> mlua::Result<Value> {
    Ok(match reply {
        Reply::Nil => Value::Boolean(false),
        // What nearly all statuses are: the prelude makes the table, for less.
        Reply::Status(word) if word == "OK" => Value::Boolean(true),
        Reply::Status(word) => Value::Table(one_field(lua, "ok", word.as_bytes())?),
        Reply::Error(text) => Value::Table(one_field(lua, "err", text.as_bytes())?),
        #[expect(
            clippy::cast_precision_loss,
            reason = "scripts have no other numbers, in Redis as here"
        )]
        Reply::Integer(number) => Value::Number(*number as f64),
        Reply::Bulk(bytes) => Value::String(lua.create_string(bytes)?),
        Reply::Array(items) => {
            let items = items.iter().map(|item| match item {
                Reply::Bulk(bytes) => text_to_lua(lua, bytes).map(Either::Left),
                other => to_lua(lua, other).map(Either::Right),
            });
            let items = items.collect::<mlua::Result<Vec<_>>>()?;
            Value::Table(lua.create_sequence_from(items)?)
        }
    })
}

/// What a value costs in Lua's memory beside its bytes: a text's head and its
/// place in a table that has grown by doubling.
const VALUE_OVERHEAD_BYTES: usize = 64;

/// About what a reply costs in Lua's memory.
pub(super) fn reply_cost_bytes(reply: &Reply) -> usize {
    let content_bytes = match reply {
        Reply::Nil | Reply::Integer(_) => 0,
        Reply::Status(word) => word.len(),
        Reply::Error(text) => text.len(),
        Reply::Bulk(bytes) => bytes.len(),
        Reply::Array(items) => items
            .iter()
            .fold(0, |sum, item| reply_cost_bytes(item).saturating_add(sum)),
    };
    content_bytes.saturating_add(VALUE_OVERHEAD_BYTES)
}

/// About what a table of texts costs in Lua's memory.
pub(super) fn texts_cost_bytes(texts: &[Vec<u8>]) -> usize {
    let cost = |text: &Vec<u8>| text.len() + VALUE_OVERHEAD_BYTES;
    texts.iter().map(cost).sum()
}

/// A table of texts.
pub(super) fn texts_to_lua(lua: &Lua, texts: &[Vec<u8>]) -> mlua::Result<Table> {
    let texts = texts.iter().map(|text| text_to_lua(lua, text));
    let texts = texts.collect::<mlua::Result<Vec<_>>>()?;
    lua.create_sequence_from(texts)
}

/// What Lua takes for less than other bytes is text.
fn text_to_lua<'a>(lua: &Lua, bytes: &'a [u8]) -> mlua::Result<Either<&'a str, LuaString>> {
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => Either::Left(text),
        Err(_) => Either::Right(lua.create_string(bytes)?),
    })
}

fn one_field(lua: &Lua, name: &str, text: &[u8]) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(0, 1)?;
    table.raw_set(name, lua.create_string(text)?)?;
    Ok(table)
}

/// What a script gives back.
#[derive(Default)]
pub(super) struct ToReply {
    values: usize,
    text_bytes: usize,
}

impl ToReply {
    /// The reply for a script's value.
    ///
    /// # Errors
    /// When the reply would be too large or too deep.
    pub(super) fn reply(mut self, value: &Value) -> Result<Reply, CommandError> {
        self.convert(value, DEPTH_MAX)
    }

    fn convert(&mut self, value: &Value, depth: usize) -> Result<Reply, CommandError> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(too_large());
        }
        Ok(match value {
            Value::Boolean(true) => Reply::Integer(1),
            Value::Integer(number) => Reply::Integer(*number),
            Value::Number(number) => Reply::Integer(integer(*number)),
            Value::String(text) => Reply::Bulk(self.text(text)?),
            Value::Table(table) => self.convert_table(table, depth)?,
            _ => Reply::Nil,
        })
    }

    fn convert_table(&mut self, table: &Table, depth: usize) -> Result<Reply, CommandError> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(CommandError::Script(
                "ERR the script's reply is too deep".to_owned(),
            ));
        };
        if let Some(text) = self.field(table, "err")? {
            return Ok(Reply::Error(one_line(&text)));
        }
        if let Some(text) = self.field(table, "ok")? {
            return Ok(Reply::Status(one_line(&text).into()));
        }
        if let Ok(Value::Number(number)) = table.raw_get("double") {
            return Ok(Reply::Bulk(super::number::text(number).into_bytes()));
        }
        let mut items = Vec::new();
        for index in 1.. {
            match table.raw_get(index) {
                Ok(Value::Nil) | Err(_) => break,
                Ok(item) => items.push(self.convert(&item, depth)?),
            }
        }
        Ok(Reply::Array(items))
    }

    fn field(&mut self, table: &Table, name: &str) -> Result<Option<Vec<u8>>, CommandError> {
        match table.raw_get(name) {
            Ok(Value::String(text)) => self.text(&text).map(Some),
            _ => Ok(None),
        }
    }

    fn text(&mut self, text: &LuaString) -> Result<Vec<u8>, CommandError> {
        let bytes = text.as_bytes();
        self.text_bytes = self.text_bytes.saturating_add(bytes.len());
        if self.text_bytes > TEXT_BYTES_MAX {
            return Err(too_large());
        }
        Ok(bytes.to_vec())
    }
}

/// A number without its fraction; what no integer can hold becomes the smallest,
/// as it does in C on the machines that Redis runs on.
fn integer(number: f64) -> i64 {
    /// 2^63: the first number that is too large.
    const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;
    if !(-TOO_LARGE..TOO_LARGE).contains(&number) {
        return i64::MIN;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the fraction is not wanted"
    )]
    {
        number as i64
    }
}

fn too_large() -> CommandError {
    CommandError::Script("ERR the script's reply is too large".to_owned())
}

/// Words and errors have no line breaks in the protocol.
pub(super) fn one_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).replace(['\r', '\n'], " ")
}
