using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Coppice;

/// <content>Answers as objects.</content>
public sealed partial class Session
{
    /// <summary>Continues <paramref name="prompt"/> with an object of <typeparamref name="T"/> as JSON, and reads it.</summary>
    /// <param name="prompt">The whole prompt; it gets the special tokens that the tokenizer frames a text with.</param>
    /// <param name="options">How; null for the defaults. <see cref="GenerationOptions.Schema"/> must not be set: the type's is
    /// taken.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <inheritdoc cref="GenerateAsync{T}(IReadOnlyList{int}, JsonTypeInfo{T}, GenerationOptions?, CancellationToken)"/>
    [RequiresUnreferencedCode("Reads the members of the type by reflection: pass a JsonTypeInfo where code is trimmed.")]
    [RequiresDynamicCode("Reads the members of the type by reflection: pass a JsonTypeInfo in native code.")]
    public Task<T> GenerateAsync<T>(string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        GenerateAsync(Encode(prompt), (JsonTypeInfo<T>)JsonSerializerOptions.Default.GetTypeInfo(typeof(T)), options, cancellationToken);

    /// <summary>The same with what a source generator knows of the type, which works in trimmed and native code too.</summary>
    /// <inheritdoc cref="GenerateAsync{T}(IReadOnlyList{int}, JsonTypeInfo{T}, GenerationOptions?, CancellationToken)"/>
    public Task<T> GenerateAsync<T>(
        string prompt, JsonTypeInfo<T> type, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        GenerateAsync(Encode(prompt), type, options, cancellationToken);

    /// <summary>
    /// Continues <paramref name="prompt"/> with an object of <typeparamref name="T"/> as JSON, and reads it. The answer has every member of
    /// the type and no other; integers are within the range of theirs.
    /// </summary>
    /// <param name="prompt">The whole prompt, at least one token.</param>
    /// <param name="type">How objects of the type are read.</param>
    /// <param name="options">How; null for the defaults. <see cref="GenerationOptions.Schema"/> must not be set: the type's is
    /// taken.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <exception cref="InvalidOperationException">The answer is not whole: <see cref="GenerationOptions.MaxTokens"/> is too small for the
    /// type.</exception>
    /// <exception cref="JsonException">The type refuses an answer that its schema allows.</exception>
    /// <inheritdoc cref="GenerateAsync(IReadOnlyList{int}, GenerationOptions?, CancellationToken)" path="/exception"/>
    public async Task<T> GenerateAsync<T>(
        IReadOnlyList<int> prompt, JsonTypeInfo<T> type, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(type);
        options ??= new GenerationOptions();
        if (options.Schema is not null)
            throw new ArgumentException("options: Schema must not be set where a type says what the answer is.", nameof(options));
        options = options with { Schema = TypeSchema.Of(type) };
        await foreach (var _ in GenerateAsync(prompt, options, cancellationToken).ConfigureAwait(false)) { }
        var result = LastResult!;
        if (result.FinishReason == FinishReason.Length)
            throw new InvalidOperationException(
                $"generation: the answer must be whole to be read, it was cut after {result.Ids.Count:N0} tokens (raise MaxTokens).");
        return JsonSerializer.Deserialize(result.Text, type)!;
    }
}
