//! The requests to Redis, as scripts: each is atomic for all nodes. Pure.
//!
//! A call has two keys, which a cluster keeps together by the id in braces: `visavis:{call}:context`, a hash of `fence`,
//! `version` and `value`, with `claim` and `number` (the token by which it was taken over last, and which redemption of it), and
//! `visavis:{call}:lease`, the name of the node that has the call. A token has a key of its own, a hash of `value`, `good` (until when,
//! in milliseconds since 1970), `used` (0; 1: it was redeemed; `void`), `redeemed` (when) and `number` (how often).
//!
//! Each script replies with a list of texts whose first is a word of [`Reply`].

use std::time::Duration;

use crate::error::{StoreError, ValueFault};
use crate::ids::{CallId, Fence, NodeId};
use crate::token::{Extended, Taken, TokenHash};

/// The keys of a call: the context, the lease.
pub(super) fn keys(call: &CallId) -> [String; 2] {
    [format!("visavis:{{{call}}}:context"), format!("visavis:{{{call}}}:lease")]
}

/// The key of a token.
pub(super) fn token_key(token: &TokenHash) -> String {
    format!("visavis:token:{}", token.hex())
}

/// ARGV: node, milliseconds of the lease, 1 to take the call over, milliseconds to keep the fence; the token by which it is taken over,
/// and which redemption of it.
pub(super) const ACQUIRE: &str = r"
if ARGV[3] == '1' and redis.call('HGET', KEYS[1], 'claim') == ARGV[5]
  and (tonumber(redis.call('HGET', KEYS[1], 'number') or '0') or 0) > tonumber(ARGV[6]) then
  return {'stale'}
end
local by = redis.call('GET', KEYS[2])
if by and by ~= ARGV[1] and ARGV[3] ~= '1' then
  return {'held', by, tostring(redis.call('PTTL', KEYS[2]))}
end
local last = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0')
if not last then return {'foreign'} end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local fence = string.format('%.0f', math.max(last + 1, now))
redis.call('HSET', KEYS[1], 'fence', fence, 'version', '0')
if ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'claim', ARGV[5], 'number', ARGV[6]) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {'ok', fence}
";

/// ARGV: fence, node, milliseconds of the lease, milliseconds to keep the fence. A fence that Redis has lost is set again.
pub(super) const RENEW: &str = r"
local last = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0')
if not last then return {'foreign'} end
local mine = tonumber(ARGV[1])
if last > mine then return {'stale'} end
if last < mine then redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'version', '0') end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return {'ok'}
";

/// ARGV: fence, node, most milliseconds to keep the value (empty: as it is).
pub(super) const RELEASE: &str = r"
local last = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0')
if not last then return {'foreign'} end
if last > tonumber(ARGV[1]) then return {'stale'} end
if redis.call('GET', KEYS[2]) == ARGV[2] then redis.call('DEL', KEYS[2]) end
if ARGV[3] ~= '' and redis.call('PTTL', KEYS[1]) > tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {'ok'}
";

/// ARGV: fence, version, value, milliseconds to keep it. Compares the heads of both values as `envelope::may_replace` does.
pub(super) const SAVE: &str = r"
local last = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0')
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if not last or not version then return {'foreign'} end
local mine = tonumber(ARGV[1])
if last > mine then return {'stale'} end
local function number(value, at, bytes)
  local sum = 0
  for i = at, at + bytes - 1 do sum = sum * 256 + (string.byte(value, i) or 0) end
  return sum
end
local old = redis.call('HGET', KEYS[1], 'value')
if old then
  if #old < 8 or string.sub(old, 1, 4) ~= string.sub(ARGV[3], 1, 4) then return {'foreign'} end
  local form, content = number(old, 5, 1), number(old, 7, 2)
  local own_form, own_content = number(ARGV[3], 5, 1), number(ARGV[3], 7, 2)
  if form > own_form or content > own_content then
    return {'newer', tostring(form * 65536 + content), tostring(own_form * 65536 + own_content)}
  end
end
if last == mine and version > tonumber(ARGV[2]) then return {'ok'} end
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'version', ARGV[2], 'value', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {'ok'}
";

/// ARGV: milliseconds to keep the fence. Nothing is written of a call that is not known.
pub(super) const DELETE: &str = r"
local had = redis.call('HEXISTS', KEYS[1], 'value')
if redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then return {'ok', '0'} end
local last = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0') or 0
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'fence', string.format('%.0f', math.max(last + 1, now)), 'version', '0')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return {'ok', tostring(had)}
";

/// ARGV: value, milliseconds that the token is good, milliseconds that it is remembered after that.
pub(super) const PUT_TOKEN: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('HSET', KEYS[1], 'value', ARGV[1], 'good', string.format('%.0f', now + tonumber(ARGV[2])), 'used', '0', 'number', '0')
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', tonumber(ARGV[2]) + tonumber(ARGV[3])))
return {'ok'}
";

/// ARGV: milliseconds that the token is good, milliseconds that it is remembered after that.
pub(super) const EXTEND_TOKEN: &str = r"
local used = redis.call('HGET', KEYS[1], 'used')
if not used then return {'ok', 'unknown'} end
if used ~= '0' then return {'ok', 'used'} end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('HSET', KEYS[1], 'good', string.format('%.0f', now + tonumber(ARGV[1])))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', tonumber(ARGV[1]) + tonumber(ARGV[2])))
return {'ok', 'longer'}
";

/// ARGV: milliseconds that the token is remembered (empty: it is only looked at), milliseconds after a redemption within which it may
/// be redeemed again. Replies with what became of it, its value, and which redemption it is.
pub(super) const TAKE_TOKEN: &str = r"
local used = redis.call('HGET', KEYS[1], 'used')
if not used then return {'unknown', '', '0'} end
local value = redis.call('HGET', KEYS[1], 'value') or ''
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function number(field) return tonumber(redis.call('HGET', KEYS[1], field) or '0') or 0 end
if used == '0' then
  if number('good') <= now then return {'expired', value, '0'} end
elseif used ~= '1' or number('redeemed') + tonumber(ARGV[2]) <= now then
  return {'used', value, '0'}
end
local which = string.format('%.0f', number('number') + 1)
if ARGV[1] ~= '' then
  redis.call('HSET', KEYS[1], 'used', '1', 'redeemed', string.format('%.0f', now), 'number', which)
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return {'good', value, which}
";

/// ARGV: milliseconds that the token is remembered.
pub(super) const VOID_TOKEN: &str = r"
local used = redis.call('HGET', KEYS[1], 'used')
if used and used ~= 'void' then
  redis.call('HSET', KEYS[1], 'used', 'void')
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return {'ok'}
";

/// ARGV: milliseconds that the token is good, milliseconds that it is remembered after that.
pub(super) const RESTORE_TOKEN: &str = r"
local used = redis.call('HGET', KEYS[1], 'used')
if used and used ~= 'void' then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  redis.call('HSET', KEYS[1], 'used', '0', 'good', string.format('%.0f', now + tonumber(ARGV[1])))
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', tonumber(ARGV[1]) + tonumber(ARGV[2])))
end
return {'ok'}
";

/// Reads the reply of [`TAKE_TOKEN`].
pub(super) fn taken(reply: Vec<Vec<u8>>) -> Result<Taken<Vec<u8>>, StoreError> {
    let mut parts = reply.into_iter();
    let (word, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match word.as_slice() {
        b"good" => {
            let number = parts.next().and_then(|text| String::from_utf8(text).ok()?.parse().ok());
            let number = number.ok_or(StoreError::Value(ValueFault::Foreign))?;
            Ok(Taken::Good { value, number })
        }
        b"used" => Ok(Taken::Used(value)),
        b"expired" => Ok(Taken::Expired(value)),
        b"unknown" => Ok(Taken::Unknown),
        _ => Err(ValueFault::Foreign.into()),
    }
}

/// Reads what follows the `ok` of [`EXTEND_TOKEN`].
pub(super) fn extended(word: &str) -> Result<Extended, StoreError> {
    match word {
        "longer" => Ok(Extended::Longer),
        "used" => Ok(Extended::Used),
        "unknown" => Ok(Extended::Unknown),
        _ => Err(ValueFault::Foreign.into()),
    }
}

/// What a script replies.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply(Vec<String>);

impl Reply {
    /// What follows `ok`; empty: nothing.
    pub(super) fn read(texts: Vec<String>) -> Result<String, StoreError> {
        let reply = Self(texts);
        match reply.text(0) {
            "ok" => Ok(reply.text(1).to_owned()),
            "held" => {
                let left = Duration::from_millis(reply.text(2).parse().unwrap_or_default());
                Err(StoreError::Held { by: NodeId::new(reply.text(1)), left })
            }
            "stale" => Err(StoreError::Stale),
            "newer" => {
                let number = |at: usize| reply.text(at).parse().unwrap_or_default();
                Err(ValueFault::Newer { found: number(1), reads: number(2) }.into())
            }
            _ => Err(ValueFault::Foreign.into()),
        }
    }

    /// The fence that follows `ok`.
    pub(super) fn fence(texts: Vec<String>) -> Result<Fence, StoreError> {
        let fence = Self::read(texts)?.parse::<u64>();
        Ok(Fence(fence.map_err(|_| ValueFault::Foreign)?))
    }

    fn text(&self, at: usize) -> &str {
        self.0.get(at).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<String, StoreError> {
        Reply::read(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn a_reply_says_what_was_refused_and_anything_else_is_another_programs() {
        assert_eq!(read(&["ok"]), Ok(String::new()));
        assert_eq!(read(&["ok", "5"]), Ok("5".into()));
        let held = StoreError::Held { by: NodeId::new("b"), left: Duration::from_millis(70) };
        assert_eq!(read(&["held", "b", "70"]), Err(held));
        assert_eq!(read(&["stale"]), Err(StoreError::Stale));
        assert_eq!(read(&["newer", "9", "4"]), Err(ValueFault::Newer { found: 9, reads: 4 }.into()));
        for other in [&["foreign"][..], &["?"], &[]] {
            assert_eq!(read(other), Err(ValueFault::Foreign.into()));
        }
    }

    #[test]
    fn what_became_of_a_token_is_read_and_anything_else_is_another_programs() {
        let reply = |word: &str| taken(vec![word.into(), b"v".to_vec(), b"2".to_vec()]);
        assert_eq!(reply("good"), Ok(Taken::Good { value: b"v".to_vec(), number: 2 }));
        assert_eq!(reply("used"), Ok(Taken::Used(b"v".to_vec())));
        assert_eq!(reply("expired"), Ok(Taken::Expired(b"v".to_vec())));
        assert_eq!(reply("unknown"), Ok(Taken::Unknown));
        assert_eq!(reply("?"), Err(ValueFault::Foreign.into()));
        for other in [Vec::new(), vec![b"good".to_vec(), b"v".to_vec()]] {
            assert_eq!(taken(other), Err(ValueFault::Foreign.into()));
        }
        assert_eq!(extended("longer"), Ok(Extended::Longer));
        assert_eq!(extended(""), Err(ValueFault::Foreign.into()));
    }

    #[test]
    fn a_cluster_keeps_the_keys_of_a_call_together() {
        let [context, lease] = keys(&CallId::new("abc").unwrap());
        assert_eq!((context.as_str(), lease.as_str()), ("visavis:{abc}:context", "visavis:{abc}:lease"));
    }
}
