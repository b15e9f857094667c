// A plugin. Every exported function of strings can be called by the host.

/** Text in, text out. */
export function greet(name: string): string {
  return "Hello, " + name;
}

/** JSON in, JSON out. The host gets the message of an error that is thrown. */
export function order(json: string): string {
  const order = new Order(json);
  if (order.count <= 0) throw new Error("the count must be positive");
  const total = order.price * order.count;
  if (total / order.count != order.price) throw new Error("the total is too large");
  return `{"total":${total}}`;
}

/**
 * Reads `{"price": 250, "count": 3}`. AssemblyScript's standard library has no JSON; for more than
 * that, npm has packages.
 */
class Order {
  price: i64 = -1;
  count: i64 = 0;
  private at: i32 = 0;

  constructor(private json: string) {
    let ok = this.take("{");
    let hasCount = false;
    do {
      if (this.take('"price"')) {
        ok = ok && this.take(":");
        this.price = this.number();
      } else {
        ok = ok && this.take('"count"') && this.take(":");
        this.count = this.number();
        hasCount = true;
      }
    } while (this.take(","));
    ok = ok && this.take("}") && this.take("") && this.at == json.length;
    if (!ok || this.price < 0 || !hasCount) {
      throw new Error("an order is a price and a count, in whole numbers");
    }
  }

  /** Skips white space and then `text`; false where something else is there. */
  private take(text: string): bool {
    while (this.at < this.json.length && " \t\r\n".includes(this.json.charAt(this.at))) this.at++;
    if (!this.json.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  /** The whole number that comes next. */
  private number(): i64 {
    const sign: i64 = this.take("-") ? -1 : 1;
    const start = this.at;
    while (this.at < this.json.length && "0123456789".includes(this.json.charAt(this.at))) this.at++;
    if (this.at == start || this.at - start > 18) throw new Error("a number of an order has 1 to 18 digits");
    return sign * I64.parseInt(this.json.substring(start, this.at));
  }
}
