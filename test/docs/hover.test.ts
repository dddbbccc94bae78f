import { relative } from 'node:path'
import ts from 'typescript'
import { beforeAll, describe, expect, it } from 'vitest'
import { asSource, problemsOf, repositoryOptions, type Source } from './compiled.ts'
import { entryPoints } from './entry-points.ts'
import { root } from './page.ts'

/** What an editor shows about an export, or about a member of one. */
interface Hover {
  readonly name: string
  readonly text: string
  readonly examples: readonly string[]
  readonly isFunction: boolean
  /** Of an interface of options. */
  readonly isOption: boolean
  readonly file: string
}

/** A name that an example takes for granted, and what cannot be known of it; a module that not everybody has. */
const takenForGranted = [2304, 2307, 2593, 7006, 7031, 18_004]

describe('what an editor shows', () => {
  let hovers: Hover[] = []
  let examples: Source[] = []
  let problems = new Map<string, string[]>()

  beforeAll(() => {
    hovers = readHovers()
    examples = hovers.flatMap((hover) => hover.examples.map((code) => example(hover, code)))
    problems = problemsOf(examples, takenForGranted)
  }, 120_000)

  it('says something about each export', () => {
    expect(hovers.length).toBeGreaterThan(100)
    expect(hovers.filter(({ text }) => text === '').map(({ name }) => name)).toEqual([])
  })

  it('has an example of each function', () => {
    const functions = hovers.filter(({ isFunction }) => isFunction)
    expect(functions.length).toBeGreaterThan(30)
    expect(functions.filter((one) => one.examples.length === 0).map(({ name }) => name)).toEqual([])
  })

  it('has examples that compile', () => {
    expect(examples.length).toBeGreaterThan(30)
    expect([...problems.values()].flat()).toEqual([])
  })

  it('has the unit of each option that is a number of time', () => {
    const times = hovers.filter(({ name, isOption }) => isOption && name.endsWith('Millis'))
    expect(times.length).toBeGreaterThan(10)
    expect(times.filter(({ text }) => !/millisecond|\d m?s\b|time|how long/i.test(text))).toEqual([])
  })
})

function readHovers(): Hover[] {
  const program = ts.createProgram({ rootNames: [...entryPoints.values()], options: repositoryOptions() })
  const checker = program.getTypeChecker()
  const found = new Map<ts.Symbol, Hover>()
  const add = (symbol: ts.Symbol, name: string, isOption: boolean) => {
    const declaration = symbol.valueDeclaration ?? symbol.declarations?.[0]
    if (declaration === undefined || found.has(symbol)) return
    const file = declaration.getSourceFile().fileName
    if (file.includes('/node_modules/')) return
    const type = checker.getTypeOfSymbolAtLocation(symbol, declaration)
    found.set(symbol, {
      ...{ name, isOption, file: relative(root, file) },
      text: ts.displayPartsToString(symbol.getDocumentationComment(checker)),
      examples: symbol
        .getJsDocTags(checker)
        .filter((tag) => tag.name === 'example')
        .map((tag) => ts.displayPartsToString(tag.text)),
      isFunction: !isOption && type.getCallSignatures().length > 0,
    })
  }
  for (const entryPoint of entryPoints.values()) {
    const file = program.getSourceFile(entryPoint)
    const symbol = file === undefined ? undefined : checker.getSymbolAtLocation(file)
    if (symbol === undefined) throw new Error(`${entryPoint} exports nothing`)
    for (const one of checker.getExportsOfModule(symbol)) {
      const real = one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one
      add(real, one.name, false)
      const isOptions = /Options$|^Limits$|^SessionTimeouts$/.test(one.name)
      if (!isOptions && one.name !== 'Lifeguard') continue
      for (const member of checker.getDeclaredTypeOfSymbol(real).getProperties()) {
        if (!member.name.startsWith('__@')) add(member, `${one.name}.${member.name}`, isOptions)
      }
    }
  }
  return [...found.values()]
}

/** The text of `@example` as a module. */
function example({ name, file }: Hover, code: string): Source {
  const block = { line: 1, anchor: '', language: 'ts', flag: '', before: '', after: '', code }
  return asSource({ ...block, page: `${file}#${name}` })
}
