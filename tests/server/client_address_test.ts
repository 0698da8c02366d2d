import { assertEquals } from "../assert.ts";
import { ClientAddresses } from "../../src/server/client_address.ts";

/** Who is counted for a request that comes over a connection from `peer`. */
function counted(trusted: readonly string[], peer: string, forwardedFor?: string) {
  const addresses = new ClientAddresses(trusted);
  const headers = forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor };
  const request = new Request("http://localhost/", { headers });
  addresses.note(request, { transport: "tcp", hostname: peer, port: 1 });
  return addresses.of(request);
}

Deno.test("ClientAddresses: without proxies, the connection's, whatever the request says", () => {
  assertEquals(counted([], "192.0.2.1"), "192.0.2.1");
  assertEquals(counted([], "192.0.2.1", "198.51.100.7"), "192.0.2.1");
  assertEquals(counted(["10.0.0.0/8"], "192.0.2.1", "198.51.100.7"), "192.0.2.1");
  assertEquals(new ClientAddresses([]).of(new Request("http://localhost/")), undefined);
});

Deno.test("ClientAddresses: proxies are believed from the end on, as far as they are trusted", () => {
  const cases: [trusted: string[], peer: string, forwardedFor: string | undefined, of: string][] = [
    [["127.0.0.1"], "127.0.0.1", "198.51.100.7", "198.51.100.7"],
    [["127.0.0.1"], "127.0.0.1", "203.0.113.1, 198.51.100.7", "198.51.100.7"],
    [
      ["127.0.0.1", "10.0.0.0/8"],
      "127.0.0.1",
      "203.0.113.1, 198.51.100.7,10.1.2.3",
      "198.51.100.7",
    ],
    [["10.0.0.0/8"], "10.9.9.9", "10.1.2.3, 10.4.5.6", "10.1.2.3"],
    [["0.0.0.0/0"], "10.9.9.9", "203.0.113.1, 198.51.100.7", "203.0.113.1"],
    [["10.0.0.0/8"], "11.9.9.9", "198.51.100.7", "11.9.9.9"],
    // what is no address: the proxy that said it
    [["127.0.0.1"], "127.0.0.1", undefined, "127.0.0.1"],
    [["127.0.0.1"], "127.0.0.1", "", "127.0.0.1"],
    [["127.0.0.1"], "127.0.0.1", "198.51.100.7, unknown", "127.0.0.1"],
    [["127.0.0.1"], "127.0.0.1", "198.51.100.7:4711", "198.51.100.7"],
    [["::1"], "::1", "198.51.100.7", "198.51.100.7"],
    [["fd00::/8"], "fd12::3", "[2001:db8::1]:4711", "2001:db8:0:0::/64"],
  ];
  for (const [trusted, peer, forwardedFor, of] of cases) {
    assertEquals(counted(trusted, peer, forwardedFor), of, `${trusted} ${peer} ${forwardedFor}`);
  }
});

Deno.test("ClientAddresses: of IPv6 the network, in one spelling; IPv4 in it is IPv4", () => {
  const spellings = [
    ...["2001:db8:0:7::1", "2001:0DB8:0000:0007:ffff:0:0:2", "2001:db8:0:7:1:2:3.4.5.6"],
  ];
  for (const peer of spellings) assertEquals(counted([], peer), "2001:db8:0:7::/64");
  assertEquals(counted([], "2001:db8:0:8::1"), "2001:db8:0:8::/64");
  assertEquals(counted([], "fe80::1%eth0"), "fe80:0:0:0::/64");
  assertEquals(counted([], "::ffff:192.0.2.1"), "192.0.2.1");
  assertEquals(counted(["192.0.2.1"], "::ffff:c000:201", "198.51.100.7"), "198.51.100.7");
});
