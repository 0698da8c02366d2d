/**
 * Where requests come from: the address of the connection, or what a proxy that is trusted says of
 * the one it speaks for.
 *
 * @module
 */
import { BlockList, isIP } from "node:net";

/**
 * The addresses of proxies.
 *
 * @param entries Addresses, or networks as `10.0.0.0/8`.
 * @throws {RangeError} If one is neither.
 */
export function parseProxies(entries: readonly string[]): BlockList {
  const proxies = new BlockList();
  for (const entry of entries) {
    const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
    const version = isIP(address);
    const length = Number(bits ?? (version === 4 ? 32 : 128));
    if (version === 0 || length > (version === 4 ? 32 : 128)) {
      throw new RangeError(
        `Cannot use the configuration as trustedProxies must be addresses or networks, as 10.0.0.0/8: ${entry}`,
      );
    }
    proxies.addSubnet(address, length, version === 4 ? "ipv4" : "ipv6");
  }
  return proxies;
}

/** Knows where each request came from. */
export class ClientAddresses {
  readonly #proxies: BlockList;
  /** Of the connections: the requests themselves do not say. */
  readonly #peers = new WeakMap<Request, string>();

  /** @param trustedProxies Whose `X-Forwarded-For` is believed, see {@linkcode parseProxies}. */
  constructor(trustedProxies: readonly string[]) {
    this.#proxies = parseProxies(trustedProxies);
  }

  /** Notes the other end of the connection that a request came over. */
  note(request: Request, peer: Deno.Addr): void {
    if ("hostname" in peer) this.#peers.set(request, peer.hostname);
  }

  /**
   * Who is counted for a request: an address, of IPv6 the network of 64 bits, as one client has all
   * of it; `undefined` where the connection is not known.
   *
   * Each proxy adds whom it heard at the end of `X-Forwarded-For`, behind what it was told, which
   * anybody can make up. So names are believed from the end on, as long as proxies that are trusted
   * say them.
   */
  of(request: Request): string | undefined {
    let address = plainAddress(this.#peers.get(request) ?? "");
    const named = (request.headers.get("x-forwarded-for") ?? "").split(",");
    while (address !== undefined && this.#isProxy(address)) {
      const before = plainAddress(named.pop() ?? "");
      if (before === undefined) break;
      address = before;
    }
    return address === undefined ? undefined : networkOf(address);
  }

  #isProxy(address: string): boolean {
    return this.#proxies.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
  }
}

/** An address without brackets, port and zone; IPv4 as itself where IPv6 wraps it. */
function plainAddress(text: string): string | undefined {
  const [, bracketed, withPort] = /^\[(.+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(text.trim()) ?? [];
  const address = (bracketed ?? withPort ?? text.trim()).replace(/%.*$/, "");
  const version = isIP(address);
  if (version !== 6) return version === 4 ? address : undefined;
  const groups = groupsOf(address);
  if (groups.slice(0, 6).join() !== "0,0,0,0,0,65535") return address;
  return groups.slice(6).flatMap((group) => [group >> 8, group & 0xff]).join(".");
}

function networkOf(address: string): string {
  if (isIP(address) === 4) return address;
  return `${groupsOf(address).slice(0, 4).map((group) => group.toString(16)).join(":")}::/64`;
}

/** The eight numbers of an IPv6 address. */
function groupsOf(address: string): number[] {
  const { hostname } = new URL(`http://[${address}]`); // in one spelling, IPv4 at its end in hexadecimal
  const [head, tail] = hostname.slice(1, -1).split("::")
    .map((part) => part.split(":").filter(Boolean).map((group) => parseInt(group, 16)));
  if (tail === undefined) return head!;
  return [...head!, ...Array(8 - head!.length - tail.length).fill(0), ...tail];
}
