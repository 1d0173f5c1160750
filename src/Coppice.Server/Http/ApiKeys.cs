using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Http;

/// <summary>The keys that open the server, each with a scope of its own for what is learned from its requests.</summary>
internal sealed class ApiKeys
{
    private const string Scheme = "Bearer ";
    private readonly (byte[] Hash, CacheScope Scope)[] _keys;

    /// <summary>The keys; without any, every request is let in.</summary>
    public ApiKeys(IReadOnlyList<string> keys) =>
        _keys = [.. keys.Distinct().Select((key, i) => (Hash(key), new CacheScope($"key {i + 1}")))];

    /// <summary>Whose request it is.</summary>
    /// <exception cref="ApiException">It does not bring a key, or one that is not known.</exception>
    public CacheScope Check(HttpContext context)
    {
        if (_keys.Length == 0) return CacheScope.Default;
        var given = context.Request.Headers.Authorization.ToString();
        if (given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            // Hashes are of one length, so that the time that comparing takes says nothing about a key.
            var hash = Hash(given[Scheme.Length..].Trim());
            CacheScope? found = null;
            foreach (var (known, scope) in _keys)
            {
                if (CryptographicOperations.FixedTimeEquals(hash, known)) found = scope;
            }
            if (found is not null) return found;
        }
        context.Response.Headers.WWWAuthenticate = "Bearer";
        throw new ApiException(
            401, "authentication_error",
            given.Length == 0 ? "Authorization: must be \"Bearer KEY\" with a key of this server, found none."
            : "Authorization: the key is not one of this server's.",
            code: "invalid_api_key");
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
