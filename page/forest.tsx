import { signal } from '@preact/signals'
import type { PageServer } from '../src/page/view/page-data.ts'
import { selected } from './settings.ts'
import { head, now } from './store.ts'
import { countsOf, duration } from './words.ts'

type Report = NonNullable<PageServer['report']>
type Node = Report['blocking'][number]
type Session = NonNullable<Node['session']>

const mostRoots = 20
const mostBehind = 8
const deepest = 10
const whole = signal<ReadonlySet<string>>(new Set())

/** The sessions that block others, each with those that wait behind it. */
export function Forest({ report, lookedAt }: { readonly report: Report; readonly lookedAt: number }) {
  const nodes = new Map(report.blocking.map((node) => [node.id, node]))
  const inCycles = report.blocking.filter((node) => !node.roots.some((root) => report.roots.includes(root)))
  const starts = [...report.roots, ...inCycles.slice(0, 1).map(({ id }) => id)]
  if (starts.length === 0) return <p class="good-news">No session waits for another one.</p>
  const shown = new Set<string>()
  return (
    <>
      <h3>Who blocks whom</h3>
      {report.deadlocks.map((members) => (
        <p class="trouble" key={members.join()}>
          A deadlock: {members.join(', ')} wait for each other. Ending one of them frees the others.
        </p>
      ))}
      <ul class="forest">
        {starts.slice(0, mostRoots).flatMap((id) => {
          const node = nodes.get(id)
          return node === undefined
            ? []
            : [<Tree key={id} node={node} {...{ nodes, shown, lookedAt, report }} depth={0} />]
        })}
      </ul>
      {starts.length > mostRoots && <p>and {starts.length - mostRoots} more that block others</p>}
    </>
  )
}

interface TreeProps {
  readonly node: Node
  readonly nodes: ReadonlyMap<string, Node>
  readonly shown: Set<string>
  readonly lookedAt: number
  readonly report: Report
  readonly depth: number
}

function Tree({ node, nodes, shown, lookedAt, report, depth }: TreeProps) {
  const isRoot = report.roots.includes(node.id)
  shown.add(node.id)
  const behind = node.blocks.filter((id) => !shown.has(id)).flatMap((id) => nodes.get(id) ?? [])
  const count = report.blocking.filter((one) => one.id !== node.id && one.roots.includes(node.id)).length
  const listed = whole.value.has(node.id) ? behind : behind.slice(0, mostBehind)
  const rest = behind.slice(listed.length)
  return (
    <li class={isRoot ? 'root' : ''}>
      {node.session === undefined ? (
        <p class="session">
          <strong>prepared transaction {node.prepared?.gid}</strong>
          {node.prepared?.rollback !== undefined && (
            <>
              {' '}
              to end it: <code>{node.prepared.rollback}</code>
            </>
          )}
        </p>
      ) : (
        <SessionLine
          session={node.session}
          {...{ lookedAt, isRoot }}
          {...(isRoot ? { blocks: count } : {})}
        />
      )}
      {depth < deepest && listed.length > 0 && (
        <ul>
          {listed.map((one) => (
            <Tree key={one.id} node={one} {...{ nodes, shown, lookedAt, report }} depth={depth + 1} />
          ))}
        </ul>
      )}
      {rest.length > 0 && (
        <button
          type="button"
          class="more"
          onClick={() => {
            whole.value = new Set([...whole.value, node.id])
          }}
        >
          Show {rest.length} more: {countsOf(rest.map((one) => one.session?.application ?? one.id))}
        </button>
      )}
    </li>
  )
}

interface SessionLineProps {
  readonly session: Session
  readonly lookedAt: number
  readonly isRoot: boolean
  readonly blocks?: number
}

export function SessionLine({ session, lookedAt, isRoot, blocks }: SessionLineProps) {
  const { pid, application, user, state, stateMillis, waitsFor, query, origin, spared, hidden, client } =
    session
  const since = (millis: number) => duration(millis + Math.max(0, now.value - lookedAt))
  const owner = [
    application ?? 'no application name',
    ...(user === undefined ? [] : [user]),
    ...(client === undefined ? [] : [client]),
  ]
  return (
    <div class="session">
      <p>
        <strong>pid {pid}</strong>{' '}
        {hidden === true ? (
          'hidden from this role'
        ) : waitsFor === undefined ? (
          <span class={isRoot ? 'bad' : ''}>
            {state ?? 'state unknown'}
            {stateMillis === undefined ? '' : ` for ${since(stateMillis)}`}
          </span>
        ) : (
          <span>
            waits {waitsFor.millis === undefined ? '' : `${since(waitsFor.millis)} `}for{' '}
            {waitsFor.mode === undefined ? '' : `${waitsFor.mode} on `}
            {waitsFor.target}
          </span>
        )}
        {blocks !== undefined && (
          <strong class="bad">
            {' '}
            blocks {blocks} {blocks === 1 ? 'session' : 'sessions'}
          </strong>
        )}
      </p>
      {origin !== undefined && (
        <p>
          <code class="place">{origin.text}</code>
          {origin.unverified !== undefined && <span class="dim"> unverified: {origin.unverified}</span>}
        </p>
      )}
      <p class="dim">
        {owner.join(', ')}
        {query !== undefined && (
          <>
            {': '}
            <code>{query}</code>
          </>
        )}
      </p>
      {spared !== undefined && <p class="warning">{spared}</p>}
      {isRoot && hidden !== true && session.backendType === undefined && <Ending pid={pid} />}
    </div>
  )
}

function Ending({ pid }: { readonly pid: number }) {
  if (head.value?.canEnd !== true)
    return (
      <p>
        To end it: <code class="command">pg-lifeguard terminate --pid {pid}</code>
      </p>
    )
  return (
    <button
      type="button"
      class="danger"
      onClick={() => {
        selected.value = `session ${pid}`
      }}
    >
      End pid {pid}...
    </button>
  )
}
