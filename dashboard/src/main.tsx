import { render } from 'preact';
import { keepPlaces } from './router/scroll.ts';
import { App } from './shell/app.tsx';
import './styles/index.css';

keepPlaces();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
