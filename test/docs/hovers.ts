import { relative } from 'node:path'
import ts from 'typescript'
import { asSource, repositoryOptions, type Source } from './compiled.ts'
import { entryPoints } from './entry-points.ts'
import { root } from './page.ts'

/** What an editor shows about an export, or about a member of one. */
export interface Hover {
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

let read: readonly Hover[] | undefined

/** Of all exports of all entry points, and of the members of options and of `Lifeguard`. */
export function hovers(): readonly Hover[] {
  read ??= readHovers()
  return read
}

/** The examples in them, as modules. */
export function hoverExamples(): Source[] {
  return hovers().flatMap(({ name, file, examples }) =>
    examples.map((code) => {
      const block = { line: 1, anchor: '', language: 'ts', flag: '', before: '', after: '', code }
      return { ...asSource({ ...block, page: `${file}#${name}` }), ignored: takenForGranted }
    }),
  )
}

function readHovers(): Hover[] {
  // The types of Node.js are most of the work, and none of the names.
  const options = { ...repositoryOptions(), types: [] }
  const program = ts.createProgram({ rootNames: [...entryPoints.values()], options })
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
