import * as std from "qjs:std"; import * as os from "qjs:os";
const f = std.open("/w/out.txt", "w"); f.puts(JSON.stringify({a: [1,2,3].map(x => x * 2)})); f.close();
print(std.loadFile("/w/out.txt"), os.readdir("/w")[0].sort().join(","));
