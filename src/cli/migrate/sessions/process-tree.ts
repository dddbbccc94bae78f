import { readdir, readFile, readlink } from 'node:fs/promises'

/** TCP connections: the remote end by the local end, each as `address port`. */
export type Connections = ReadonlyMap<string, string>

/** The name of one end of a connection: its address and port. */
export function socketName(address: string, port: number): string {
  return `${address} ${port}`
}

/**
 * All TCP connections of a process and its descendants.
 *
 * @returns undefined if the system does not provide it, as outside Linux
 */
export async function connectionsOfTree(pid: number): Promise<Connections | undefined> {
  if (process.platform !== 'linux') return undefined
  return await connectionsOfAll(await treeOf(pid), pid)
}

/** The TCP connections of this process, without its descendants. */
export async function ownConnections(): Promise<Connections | undefined> {
  if (process.platform !== 'linux') return undefined
  return await connectionsOfAll([process.pid], process.pid)
}

/**
 * The local ends of all connections of this machine, or of this process's container, that are open on both sides.
 *
 * @returns undefined if the system does not provide it, as outside Linux
 */
export async function openEnds(): Promise<ReadonlySet<string> | undefined> {
  if (process.platform !== 'linux') return undefined
  const rows = await tableRows(process.pid)
  return new Set(rows.filter(({ isOpen }) => isOpen).map(({ local }) => local))
}

async function connectionsOfAll(pids: readonly number[], root: number): Promise<Connections> {
  const [inodes, table] = await Promise.all([Promise.all(pids.map(socketInodes)), connectionTable(root)])
  return new Map(inodes.flat().flatMap((inode) => table.get(inode) ?? []))
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
  // The folder of a process that has ended, or belongs to another user, is not readable.
  const names = await readdir(folder).catch(() => [])
  const targets = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')))
  return targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [])
}

/** Connections by inode, in the network namespace of the process. */
async function connectionTable(pid: number): Promise<Map<string, readonly (readonly [string, string])[]>> {
  const rows = await tableRows(pid)
  return new Map(rows.map(({ inode, local, remote }) => [inode, [[local, remote]]]))
}

interface ConnectionRow {
  readonly inode: string
  readonly local: string
  readonly remote: string
  /** True if neither side has closed it. */
  readonly isOpen: boolean
}

async function tableRows(pid: number): Promise<ConnectionRow[]> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => textOf(`/proc/${pid}/net/${name}`)))
  return tables.flatMap((table) => table.split('\n').slice(1).flatMap(connectionIn))
}

/** `0: 0100007F:B1C2 0100007F:1538 01 ... uid timeout inode ...`; none or one. The state 01 is ESTABLISHED. */
export function connectionIn(line: string): readonly ConnectionRow[] {
  const [, here = '', there = '', state, , , , , , inode] = line.trim().split(/\s+/)
  const [local, remote] = [endOf(here), endOf(there)]
  return local === undefined || remote === undefined || inode === undefined
    ? []
    : [{ inode, local, remote, isOpen: state === '01' }]
}

function endOf(text: string): string | undefined {
  const [address, port] = text.split(':')
  if (address === undefined || port === undefined) return undefined
  return socketName(addressOf(address), Number.parseInt(port, 16))
}

/** The kernel prints an address as 32-bit words in host order, which is little-endian on all platforms of Node.js. */
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
