"""
The scripts by which Redis keeps the log of changes. Each is done as a whole, and all but the first
do nothing for a replica whose turn is over. The first argument is the replica.
"""

from typing import Final

ENTER: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local who, ends = string.match(redis.call('HGET', KEYS[1], 'turn') or '', '^(%S+) (%d+)$')
if who and who ~= ARGV[1] and tonumber(ends) > now then return {} end
redis.call('HSET', KEYS[1], 'turn', ARGV[1] .. ' ' .. string.format('%d', now + ARGV[2]))
local found = redis.call('HMGET', KEYS[1], 'name', 'first', 'last', 'copy', 'tip', 'newborn')
if found[6] and tonumber(found[6]) + ARGV[3] < tonumber(time[1]) then found[6] = '' end
return found
"""
"""Take the turn, unless another one has it; the state of the log."""
OURS: Final = """
local who = string.match(redis.call('HGET', KEYS[1], 'turn') or '', '^(%S+)')
if who ~= ARGV[1] then return 0 end
"""
LEAVE: Final = OURS + "return redis.call('HDEL', KEYS[1], 'turn')"
BEGIN: Final = (
    OURS
    + """
local turn = redis.call('HGET', KEYS[1], 'turn')
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'turn', turn, 'name', ARGV[2], 'first', 1, 'last', 0, 'tip', '')
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'newborn', redis.call('TIME')[1]) end
return 1
"""
)
"""Begin a log of this name; with another text, with a file that was in no log before."""
APPEND: Final = (
    OURS
    + """
local last, tip = unpack(redis.call('HMGET', KEYS[1], 'last', 'tip'))
if last ~= ARGV[2] or tip ~= ARGV[3] then return 0 end
local number = redis.call('HINCRBY', KEYS[1], 'last', 1)
redis.call('HSET', KEYS[1], 'step ' .. number, ARGV[4], 'tip', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[6])
return redis.call('HINCRBY', KEYS[1], 'bytes', #ARGV[4])
"""
)
"""Add a step behind the last one; the bytes of all of them."""
SHORTEN: Final = (
    OURS
    + """
for number = redis.call('HGET', KEYS[1], 'first'), ARGV[2] do
    redis.call('HDEL', KEYS[1], 'step ' .. string.format('%d', number))
end
redis.call('HSET', KEYS[1], 'first', ARGV[2] + 1, 'copy', ARGV[3], 'bytes', ARGV[4])
return 1
"""
)
"""Put a copy in the place of all steps up to one."""
