import ts from 'typescript'
import type { CodeBlock } from './page.ts'
import { properties } from './stage.ts'

export interface ExampleModule {
  readonly text: string
  /** The lines of the module that a reader of the page sees, the first and the last. */
  readonly visible: readonly [number, number]
}

/** What a module imports the stage and `pg-lifeguard` as. */
export interface Surroundings {
  readonly stage: string
  readonly lifeguard: string
}

/** A block of a page as a module that can be checked and run: with what it does not say itself, but takes for granted. */
export function exampleModule(block: CodeBlock, { stage, lifeguard }: Surroundings): ExampleModule {
  const declared = namesDeclaredIn(`${block.before}\n${block.code}`)
  const taken = properties.filter((name) => !declared.has(name))
  const before = `import { ${taken.join(', ')} } from '${stage}'\n${block.before}\n`
  const first = before.split('\n').length
  const text = `${before}${block.code}\n${block.after}\n`.replaceAll(
    "from 'pg-lifeguard'",
    `from '${lifeguard}'`,
  )
  return { text, visible: [first, first + block.code.split('\n').length - 1] }
}

function namesDeclaredIn(code: string): ReadonlySet<string> {
  const names = new Set<string>()
  const addFrom = (node: ts.Node) => {
    const { name } = node as ts.Node & { name?: ts.Node }
    // A property is no name of its own: `{ lifeguard }` takes what is there.
    if (name !== undefined && ts.isIdentifier(name) && !ts.isObjectLiteralElementLike(node))
      names.add(name.text)
    // Not into a function: what is declared inside is none of the module's names.
    if (!ts.isFunctionLike(node)) ts.forEachChild(node, addFrom)
  }
  ts.forEachChild(ts.createSourceFile('example.ts', code, ts.ScriptTarget.Latest), addFrom)
  return names
}
