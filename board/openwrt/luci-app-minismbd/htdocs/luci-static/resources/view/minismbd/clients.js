// Who is connected, with a button that ends a session.
'use strict';
'require view';
'require minismbd.server as server';

function nameOf(session) {
	if (session.isAnonymous)
		return _('(anonymous)');

	return session.isGuest ? '%s %s'.format(session.user, _('(guest)')) : session.user;
}

function protectionOf(session) {
	if (session.isEncrypted)
		return _('encrypted');

	return session.mustSign ? _('signed') : _('none required');
}

return view.extend({
	handleSaveApply: null,
	handleSave: null,
	handleReset: null,

	fetch: function() {
		return Promise.all([ server.status(), server.sessions() ]);
	},

	kick: function(session) {
		server.ask(_('Disconnect client'), [
			E('p', {}, [ '%s, %s'.format(nameOf(session), session.remoteAddress) ]),
			E('p', {}, [ _('Its open files are closed, and what it has not sent yet is lost. It may connect again.') ])
		], 'negative', _('Disconnect'), () => server.kickSession(session.id).then(() => this.place.refresh()));
	},

	draw: function(answers) {
		const status = answers[0][0] || {};
		const traffic = status.traffic || {};
		const rows = answers[1].map((session) => [
			nameOf(session),
			session.remoteAddress,
			server.dialect(session.dialect),
			protectionOf(session),
			session.opens,
			server.duration(session.ageMs),
			server.duration(session.idleMs),
			[ server.button('negative', _('Disconnect'), () => this.kick(session)) ]
		]);

		return E('div', {}, [
			E('p', {}, [
				_('minismbd %s has been running for %s; %s were received and %s sent, %s of memory are in use.').format(
					status.version, server.duration(status.uptimeMs), server.bytes(traffic.receivedBytes),
					server.bytes(traffic.sentBytes), server.bytes(status.residentBytes))
			]),
			server.table('minismbd-clients', [
				_('User'), _('Address'), _('Protocol'), _('Protection'), _('Open files'), _('Connected'), _('Idle'), ''
			], rows, _('Nobody is connected.'))
		]);
	},

	render: function() {
		return server.live(() => this.fetch(), (answers) => this.draw(answers), 5).then((place) => {
			this.place = place;

			return E('div', { 'class': 'cbi-map' }, [ E('h2', {}, [ _('Connected clients') ]), place ]);
		});
	}
});
