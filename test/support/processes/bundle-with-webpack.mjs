// Bundles argv[2] and the package into the file argv[3], as the custom configuration of a host on `nest build --webpack` that
// lists no externals; further arguments are what Nest looks for and does not need. In a process of its own: webpack loads its parts
// when they are needed, which takes Jest minutes.
import { basename, dirname, join } from 'node:path';
import webpack from 'webpack';

const [entry, file, ...optional] = process.argv.slice(2);
const names = optional.map((name) => name.replace('*', '.*'));
webpack(
  {
    entry,
    mode: 'production',
    optimization: { minimize: false },
    target: 'node',
    // One file.
    module: { parser: { javascript: { dynamicImportMode: 'eager' } } },
    output: { path: dirname(file), filename: basename(file) },
    resolve: { alias: { 'nestjs-integration$': join(import.meta.dirname, '../../../dist/index.js') } },
    plugins: [new webpack.IgnorePlugin({ resourceRegExp: new RegExp(`^(${names.join('|')})$`) })],
    ignoreWarnings: [() => true],
  },
  (error, stats) => {
    if (error) throw error;
    if (stats.hasErrors()) throw new Error(stats.toString({ all: false, errors: true }));
  },
);
