interface Run {
  readonly seed: number
  readonly mode: string
  readonly remedies: Readonly<Record<string, string>>
  readonly transcript: readonly string[]
}

const shownLines = 30

/** Says what was wrong, how to see it again, and what led to it. */
export class RunError extends Error {
  override readonly name = 'RunError'

  constructor(cause: unknown, { seed, mode, remedies, transcript }: Run) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const lines = [
      reason,
      `seed ${seed}, mode ${mode}; replay: PGLIFEGUARD_SEED=${seed} npx vitest run test/randomised`,
      `remedies: ${Object.entries(remedies)
        .map(([kind, remedy]) => `${kind} ${remedy}`)
        .join(', ')}`,
      `on ${transcript[0]}; the last of ${transcript.length} lines:`,
      ...transcript.slice(-shownLines).map((line) => `  ${line}`),
    ]
    super(lines.join('\n'), { cause })
  }
}
