import json, re, sqlite3, sys, os
sys.path.insert(0, "/lib")
from shapes import circle
db = sqlite3.connect("/job/figures.db")
db.execute("create table figure(name text, area real)")
with open("/data/figures.csv") as lines:
    for line in lines:
        name, radius = re.fullmatch(r"(\w+),([\d.]+)\n?", line).groups()
        db.execute("insert into figure values(?, ?)", (name, round(circle(float(radius)), 3)))
db.commit()
rows = db.execute("select name, area from figure order by area desc").fetchall()
with open("/job/figures.json", "w") as out:
    json.dump({"python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version, "figures": dict(rows)}, out)
print(open("/job/figures.json").read())
print(sorted(os.listdir("/job")))
