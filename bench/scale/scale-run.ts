/** The figures of one process. */
export type Figures = Readonly<Record<string, number>>

export interface ScaleRun {
  node: string
  /** By scenario and variant: one entry for each process. */
  readonly figures: Map<string, readonly Figures[]>
}

export const scaleVariants = {
  checkouts: ['idle', 'open', 'reported'],
  waiters: ['bare', 'guarded'],
  scopes: ['bare', 'guarded'],
  burst: ['bare', 'silent', 'console', 'json', 'listener', 'enforce'],
  'in-a-row': ['bare', 'guarded'],
} as const
