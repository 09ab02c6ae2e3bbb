<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!--
  paths.xsl - one way to walk through FHIR in JSON and in XML.

  key('at', concat(generate-id(NODE), '/code/coding/code')) gives what stands below NODE under these names, up to four of them, in
  both forms: values as nodes whose text is the value, the rest as nodes to go on from (below two names there are values only). Lists
  need no step of their own. _birthDate
  is where the extensions of birthDate stand. key('extension', concat(generate-id(NODE), '/NAME')) gives extensions by their whole
  url or by what follows StructureDefinition/ in it, for the same extension has lived under several addresses.
  key('resource', concat(generate-id(BUNDLE), '/TYPE')) gives the resources of a Bundle.
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:j="http://www.w3.org/2005/xpath-functions"
  xmlns:f="http://hl7.org/fhir" exclude-result-prefixes="j f">

  <!-- JSON: a member bears its name itself, an item of a list bears that of the list. -->
  <xsl:key name="at" match="j:map/*[not(self::j:array)] | j:array/*" use="concat(generate-id(ancestor::j:map[1]), '/', @key, parent::j:array/@key)"/>
  <xsl:key name="at" match="j:map/*[not(self::j:array)] | j:array/*" use="concat(generate-id(ancestor::j:map[2]), '/', ancestor::j:map[1]/@key, ancestor::j:map[1]/parent::j:array/@key, '/', @key, parent::j:array/@key)"/>
  <xsl:key name="at" match="j:map/*[not(*)] | j:array/*[not(*)]" use="concat(generate-id(ancestor::j:map[3]), '/', ancestor::j:map[2]/@key, ancestor::j:map[2]/parent::j:array/@key, '/', ancestor::j:map[1]/@key, ancestor::j:map[1]/parent::j:array/@key, '/', @key, parent::j:array/@key)"/>
  <xsl:key name="at" match="j:map/*[not(*)] | j:array/*[not(*)]" use="concat(generate-id(ancestor::j:map[4]), '/', ancestor::j:map[3]/@key, ancestor::j:map[3]/parent::j:array/@key, '/', ancestor::j:map[2]/@key, ancestor::j:map[2]/parent::j:array/@key, '/', ancestor::j:map[1]/@key, ancestor::j:map[1]/parent::j:array/@key, '/', @key, parent::j:array/@key)"/>
  <xsl:key name="extension" match="j:array[@key = 'extension']/j:map" use="concat(generate-id(../..), '/', j:string[@key = 'url'])"/>
  <xsl:key name="extension" match="j:array[@key = 'extension']/j:map" use="concat(generate-id(../..), '/', substring-after(j:string[@key = 'url'], 'StructureDefinition/'))"/>
  <xsl:key name="resource" match="j:map[@key = 'resource']" use="concat(generate-id(../../..), '/', j:string[@key = 'resourceType'])"/>

  <!-- XML: values are attributes. -->
  <xsl:key name="at" match="f:*[not(@value)]" use="concat(generate-id(..), '/', local-name())"/>
  <xsl:key name="at" match="f:*[not(@value)]" use="concat(generate-id(../..), '/', local-name(..), '/', local-name())"/>
  <xsl:key name="at" match="f:*[not(@value)]" use="concat(generate-id(../../..), '/', local-name(../..), '/', local-name(..), '/', local-name())"/>
  <xsl:key name="at" match="f:*[f:extension]" use="concat(generate-id(..), '/_', local-name())"/>
  <xsl:key name="at" match="f:*/@value" use="concat(generate-id(../..), '/', local-name(..))"/>
  <xsl:key name="at" match="f:*/@value" use="concat(generate-id(../../..), '/', local-name(../..), '/', local-name(..))"/>
  <xsl:key name="at" match="f:*/@value" use="concat(generate-id(../../../..), '/', local-name(../../..), '/', local-name(../..), '/', local-name(..))"/>
  <xsl:key name="at" match="f:*/@value" use="concat(generate-id(../../../../..), '/', local-name(../../../..), '/', local-name(../../..), '/', local-name(../..), '/', local-name(..))"/>
  <xsl:key name="at" match="f:*/@url" use="concat(generate-id(..), '/url')"/>
  <xsl:key name="extension" match="f:extension" use="concat(generate-id(..), '/', @url)"/>
  <xsl:key name="extension" match="f:extension" use="concat(generate-id(..), '/', substring-after(@url, 'StructureDefinition/'))"/>
  <xsl:key name="resource" match="f:resource/f:*" use="concat(generate-id(../../..), '/', local-name())"/>
</xsl:stylesheet>
