-- Replaces or drops the record of a request, if it is still ours.
-- KEYS: the record. ARGV: 1 what it was, 2 what it becomes ("" for nothing),
-- 3 how long it is kept, in milliseconds.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
