import { readOptionFile } from './option-file.ts'
import { type ConnectionSettings, systemRoots } from './settings.ts'

/**
 * The TLS options to try, in order. `prefer`, as in libpq: TLS if the server has it, without checking the certificate.
 */
export function tlsChoices(settings: ConnectionSettings): readonly (object | false)[] {
  if (settings.ssl === 'disable' || settings.host.startsWith('/')) return [false]
  const file = (option: string, path: string | undefined) =>
    path === undefined ? undefined : readOptionFile(option, path)
  const certificates = {
    ca: settings.sslRootCert === systemRoots ? undefined : file('sslrootcert', settings.sslRootCert),
    cert: file('sslcert', settings.sslCert),
    key: file('sslkey', settings.sslKey),
  }
  const given = Object.fromEntries(Object.entries(certificates).filter(([, text]) => text !== undefined))
  switch (settings.ssl) {
    case 'verify-full':
      return [given]
    case 'verify-ca':
      return [{ ...given, checkServerIdentity: () => undefined }]
    case 'require':
      // With a root certificate libpq checks the chain, too.
      return [
        settings.sslRootCert === undefined
          ? { ...given, rejectUnauthorized: false }
          : { ...given, checkServerIdentity: () => undefined },
      ]
    case 'no-verify':
      return [{ ...given, rejectUnauthorized: false }]
    case 'allow':
      return [false, { ...given, rejectUnauthorized: false }]
    default:
      return [{ ...given, rejectUnauthorized: false }, false]
  }
}

/** Whether the server has no TLS, or its pg_hba.conf refuses this kind of connection (28000): libpq tries the other. */
export function isAboutTls(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return /does not support SSL/i.test(error.message) || ('code' in error && error.code === '28000')
}
