import type { OptionSpec } from './command.ts'

/** The long names of options: `--json`, `--no-color`. */
export function longNames(options: readonly Pick<OptionSpec, 'flags'>[]): string[] {
  return options.flatMap(({ flags }) => /--[\w-]+/.exec(flags)?.[0] ?? [])
}

/** Shortens an unknown `--min-idl=5m` to `--min-idl`: the parser would compare the value as a part of the name. */
export function withoutValuesOfUnknown(args: readonly string[], known: readonly string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length
  return args.map((arg, at) => {
    const name = at < end ? /^(--[\w-]+)=/s.exec(arg)?.[1] : undefined
    return name === undefined || known.includes(name) ? arg : name
  })
}

/**
 * Adds a suggestion to the parser's message if the parser found no similar name: for an abbreviation such as `--idle`,
 * or one dash instead of two.
 */
export function withSuggestion(message: string, known: readonly string[]): string {
  const [, dashes, wrong] = /^error: unknown option '(-+)([\w-]{3,})/.exec(message) ?? []
  if (wrong === undefined || message.includes('(Did you mean')) return message
  if (dashes === '--' && known.includes(`--${wrong}`))
    return `${message.trimEnd()}\n(Options come after the command.)\n`
  const meant = known.filter((name) => name.slice(2).includes(wrong))
  if (meant.length === 0) return message
  const which = meant.length === 1 ? meant.join() : `one of ${meant.join(', ')}`
  return `${message.trimEnd()}\n(Did you mean ${which}?)\n`
}
