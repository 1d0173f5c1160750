namespace Coppice.Conversion;

/// <summary>A model cannot be written in the wanted form or to the wanted place; the message says what must hold.</summary>
internal sealed class ConversionException(string message) : EngineException(message);
