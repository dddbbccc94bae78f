import type { PageCheckout, PageFinding, PagePool } from '../../src/page/view/page-data.ts'

export function poolOf(more: Partial<PagePool> = {}): PagePool {
  const id = more.id ?? 'main'
  return { id, name: id, max: 2, waiting: 0, out: 0, ending: false, ...more }
}

/** Undefined takes a property away. */
type Changes<Item> = { readonly [Name in keyof Item]?: Item[Name] | undefined }

export function checkoutOf(more: Changes<PageCheckout> = {}): PageCheckout {
  const checkout = {
    ...{ id: '1', pool: 'main', slot: 0, pid: 10, requestedAt: 0, queued: false, acquiredAt: 0 },
    ...{ place: 'src/a.ts:1', route: 'GET /a', transactions: [], ...more },
  }
  return Object.fromEntries(
    Object.entries(checkout).filter(([, value]) => value !== undefined),
  ) as unknown as PageCheckout
}

export function findingOf(more: Partial<PageFinding> = {}): PageFinding {
  return {
    ...{ id: 'f1', pool: 'main', kind: 'outlived-scope', certainty: 'certain', isLeak: true, checkout: '1' },
    ...{
      frames: [],
      occurrences: 1,
      fingerprint: 'x',
      hint: 'an early return',
      holders: [],
      remedy: 'report',
    },
    ...{ openedAt: 0, docs: 'docs/findings.md#outlived-scope', place: 'src/a.ts:1', route: 'GET /a' },
    ...more,
  } as PageFinding
}
