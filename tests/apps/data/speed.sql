pragma journal_mode=wal;
create table t(a integer primary key, b integer, c text);
begin;
with recursive n(x) as (select 1 union all select x+1 from n where x < 20000)
insert into t select x, x * 7919 % 100003, 'row number ' || x from n;
commit;
create index tb on t(b);
select count(*), sum(b) from t where b between 1000 and 50000;
update t set c = c || '!' where a % 3 = 0;
delete from t where a % 5 = 0;
select count(*), sum(length(c)) from t;
vacuum;
pragma integrity_check;
