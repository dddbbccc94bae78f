import { readdir, readFile, readlink } from 'node:fs/promises'

/** The ends of TCP connections on this machine, each as `address port`. */
export type Sockets = ReadonlySet<string>

/** As the server sees one: the client's address and port. */
export function socketName(address: string, port: number): string {
  return `${address} ${port}`
}

/**
 * Own ends of all TCP connections of a process and of those that it has started, directly or not.
 *
 * @returns undefined where the system does not tell, as outside Linux
 */
export async function socketsOfTree(pid: number): Promise<Sockets | undefined> {
  if (process.platform !== 'linux') return undefined
  const [pids, ends] = await Promise.all([treeOf(pid), connectionsOf(pid)])
  const inodes = (await Promise.all(pids.map(socketInodes))).flat()
  return new Set(inodes.flatMap((inode) => ends.get(inode) ?? []))
}

/** The process and its descendants. */
async function treeOf(pid: number): Promise<number[]> {
  const children = new Map<number, number[]>()
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  await Promise.all(
    pids.map(async (one) => {
      const parent = parentIn(await textOf(`/proc/${one}/stat`))
      if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), one])
    }),
  )
  const tree = [pid]
  for (const one of tree) tree.push(...(children.get(one) ?? []))
  return tree
}

/** `4711 (a name (with anything)) S 4710 ...` */
export function parentIn(stat: string): number | undefined {
  const parent = /^ \S (\d+)/.exec(stat.slice(stat.lastIndexOf(')') + 1))?.[1]
  return parent === undefined ? undefined : Number(parent)
}

async function socketInodes(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`
  // A process that has ended, or belongs to somebody else, shows nothing.
  const names = await readdir(folder).catch(() => [])
  const targets = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')))
  return targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [])
}

/** By inode, of the network that the process lives in. */
async function connectionsOf(pid: number): Promise<Map<string, string>> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => textOf(`/proc/${pid}/net/${name}`)))
  return new Map(tables.flatMap((table) => table.split('\n').slice(1).flatMap(connectionIn)))
}

/** `0: 0100007F:B1C2 0100007F:1538 01 ... uid timeout inode ...` */
export function connectionIn(line: string): readonly (readonly [inode: string, end: string])[] {
  const [, local, , , , , , , , inode] = line.trim().split(/\s+/)
  const [address, port] = local?.split(':') ?? []
  if (address === undefined || port === undefined || inode === undefined) return []
  return [[inode, socketName(addressOf(address), Number.parseInt(port, 16))]]
}

/** The kernel prints an address as 32-bit words of the machine, whose bytes are in reverse on all that Node runs on. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)),
  )
  if (bytes.length === 4) return bytes.join('.')
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255
  if (isMapped) return bytes.slice(12).join('.')
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16),
  )
  // The shortest form, as PostgreSQL prints it.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

async function textOf(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '')
}
