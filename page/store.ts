import { batch, computed, type Signal, signal } from '@preact/signals'
import type { PageSections } from '../src/page/view/page-data.ts'
import type { Change, Connection } from './feed.ts'

type SectionName = keyof PageSections

/** What is known, by section and id. A change makes a new map, so that signals see it. */
export const sections: { readonly [Name in SectionName]: Signal<ReadonlyMap<string, PageSections[Name]>> } = {
  head: signal(new Map()),
  apps: signal(new Map()),
  pools: signal(new Map()),
  levels: signal(new Map()),
  checkouts: signal(new Map()),
  findings: signal(new Map()),
  holders: signal(new Map()),
  server: signal(new Map()),
}

export const connection = signal<Connection>({ state: 'connecting' })
/** The time on the service's clock; stands still while paused. */
export const now = signal(Date.now())
/** The time for which the picture stands still. */
export const pausedAt = signal<number | undefined>(undefined)
export const lastChangeAt = signal<number | undefined>(undefined)

export const head = computed(() => sections.head.value.get('page'))
export const server = computed(() => sections.server.value.get('server'))

let offset = 0
let held: Change[] = []

/** Applies an event; while paused it is kept for later. */
export function apply(change: Change): void {
  offset = change.at - Date.now()
  if (pausedAt.peek() !== undefined) {
    // After a reconnection all items follow, so earlier changes no longer matter.
    held = change.first === true ? [change] : [...held, change].slice(-10_000)
    return
  }
  put(change)
}

function put(change: Change): void {
  batch(() => {
    for (const name of Object.keys(sections) as SectionName[]) {
      const set = change.set?.[name]
      const drop = change.drop?.[name]
      if (set === undefined && drop === undefined && change.first !== true) continue
      const target = sections[name] as Signal<ReadonlyMap<string, unknown>>
      const next = new Map(change.first === true ? [] : target.peek())
      for (const [id, item] of Object.entries(set ?? {})) next.set(id, item)
      for (const id of drop ?? []) next.delete(id)
      target.value = next
    }
    lastChangeAt.value = change.at
    now.value = change.at
  })
}

export function tick(): void {
  if (pausedAt.peek() === undefined) now.value = Date.now() + offset
}

export function togglePause(): void {
  if (pausedAt.peek() === undefined) {
    pausedAt.value = now.peek()
    return
  }
  pausedAt.value = undefined
  const changes = held
  held = []
  batch(() => {
    for (const change of changes) put(change)
    tick()
  })
}
