/**
 * Compiles src/ into ES modules in dist/, and into CommonJS modules in dist/cjs/. Two things go beyond `tsc`: the
 * declarations import each other as `.js` (tsc rewrites `.ts` specifiers in JavaScript only, and not every reader of
 * declarations resolves `.ts`), and files of modules that no longer exist are removed, without emptying dist/ under a
 * process that is reading it.
 */
import { readdirSync, rmSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import ts from 'typescript'

const root = join(import.meta.dirname, '..')
const sourceExtension = /(?<=^\.{1,2}\/.*)\.ts$/
const importers = new Set<ts.SyntaxKind>([
  ts.SyntaxKind.ImportDeclaration,
  ts.SyntaxKind.ExportDeclaration,
  ts.SyntaxKind.ModuleDeclaration,
  ts.SyntaxKind.ImportType,
])

/** Returns whether it compiles; reports what does not. */
export function compile(): boolean {
  const config = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.build.json'), undefined, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (diagnostic) => report([diagnostic]),
  })
  if (!config) return false

  const program = ts.createProgram({
    rootNames: config.fileNames,
    options: config.options,
    configFileParsingDiagnostics: config.errors,
  })
  const emitted = new Set<string>()
  const write = (path: string, text: string) => {
    const file = join(root, path)
    if (ts.sys.readFile(file) !== text) ts.sys.writeFile(file, text)
    emitted.add(path)
  }
  const emit: ts.WriteFileCallback = (file, text) => {
    const path = relative(join(root, 'dist'), file)
    if (!isCommonJsOnly(path)) write(join('dist', path), text)
    // Which kind of module a declaration describes is a matter of the folder that it is in.
    if (path.endsWith('.d.ts') && !isEsModuleOnly(path)) write(join('dist/cjs', path), text)
  }
  const { diagnostics } = program.emit(undefined, emit, undefined, false, {
    afterDeclarations: [importDeclarationsAsJavaScript],
  })
  const problems = ts.sortAndDeduplicateDiagnostics([...ts.getPreEmitDiagnostics(program), ...diagnostics])
  report(problems)
  if (problems.length > 0) return false

  write('dist/cjs/package.json', '{ "type": "commonjs" }\n')
  for (const file of config.fileNames) emitCommonJs(file, config.options, write)
  for (const stale of filesIn('dist').filter((path) => !emitted.has(path))) {
    rmSync(join(root, stale), { force: true })
  }
  return true
}

/** The command line is started, not imported, and Vitest refuses to be loaded by `require`. */
function isEsModuleOnly(path: string): boolean {
  return /^cli[/\\]|^testing[/\\]vitest\./.test(path)
}

/** It loads the rest of the package when a pool is used, which ES modules cannot. */
function isCommonJsOnly(path: string): boolean {
  return /^register[/\\]/.test(path)
}

/** The types have been checked; what is left is syntax, file by file. */
function emitCommonJs(
  file: string,
  options: ts.CompilerOptions,
  write: (path: string, text: string) => void,
): void {
  const path = relative(join(root, 'src'), file)
  if (isEsModuleOnly(path)) return
  const { outputText, sourceMapText = '' } = ts.transpileModule(ts.sys.readFile(file) ?? '', {
    fileName: file,
    compilerOptions: { ...options, module: ts.ModuleKind.CommonJS, verbatimModuleSyntax: false },
  })
  const output = join('dist/cjs', path).replace(/\.ts$/, '.js')
  const source = relative(dirname(join(root, output)), file)
  write(output, outputText)
  write(
    `${output}.map`,
    JSON.stringify({ ...JSON.parse(sourceMapText), sources: [source.replaceAll(sep, '/')] }),
  )
}

function importDeclarationsAsJavaScript(context: ts.TransformationContext) {
  const visitChildOf =
    (parent: ts.Node) =>
    (node: ts.Node): ts.Node => {
      if (ts.isStringLiteral(node) && importers.has(parent.kind) && sourceExtension.test(node.text)) {
        return context.factory.createStringLiteral(node.text.replace(sourceExtension, '.js'))
      }
      // The specifier of `import('./x.ts').X` sits in a literal type of its own: see through it.
      return ts.visitEachChild(node, visitChildOf(ts.isLiteralTypeNode(node) ? parent : node), context)
    }
  return <T extends ts.SourceFile | ts.Bundle>(file: T): T =>
    ts.visitEachChild(file, visitChildOf(file), context)
}

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
}

function report(diagnostics: readonly ts.Diagnostic[]): void {
  if (diagnostics.length === 0) return
  const host = {
    getCanonicalFileName: (name: string) => name,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  }
  const format = process.stdout.isTTY ? ts.formatDiagnosticsWithColorAndContext : ts.formatDiagnostics
  process.stdout.write(format(diagnostics, host))
}
