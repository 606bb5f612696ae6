create table t(id integer primary key, name text, v real);
insert into t(name, v) values ('one', 1.5), ('two', 2.25), ('three', -3);
create index i on t(name);
select * from t order by name;
select count(*), sum(v), avg(v), group_concat(name, '/') from t;
with recursive c(x) as (select 1 union all select x+1 from c where x<1000) select sum(x*x) from c;
begin; update t set v = v * 2; rollback;
select total(v) from t;
.mode csv
select *, hex(name), length(name), upper(name) from t;
create virtual table f using fts5(body);
insert into f values ('the quick brown fox'), ('lazy dogs sleep');
select rowid from f where f match 'lazy';
select json_extract('{"a":[1,2,{"b":3}]}', '$.a[2].b');
pragma integrity_check;
.schema
