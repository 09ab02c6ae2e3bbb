<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- border-parties.xsl - the persons of a row: cells named <person>_<field> (part of border.xsl). -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns="urn:kinward:record:1" exclude-result-prefixes="kw">

  <xsl:template name="parties">
    <xsl:param name="event"/>
    <xsl:call-template name="party-list"><xsl:with-param name="event" select="$event"/><xsl:with-param name="names" select="'child holder applicant giver1 giver2 escort companion1 companion2 companion3 companion4 '"/></xsl:call-template>
  </xsl:template>

  <xsl:template name="party-list">
    <xsl:param name="event"/>
    <xsl:param name="names"/>
    <xsl:variable name="name" select="substring-before($names, ' ')"/>
    <xsl:if test="$name != ''">
      <xsl:if test="cell[substring-before(@name, '_') = $name][kw:text(.) != '']">
        <xsl:call-template name="party"><xsl:with-param name="event" select="$event"/><xsl:with-param name="name" select="$name"/></xsl:call-template>
      </xsl:if>
      <xsl:call-template name="party-list"><xsl:with-param name="event" select="$event"/><xsl:with-param name="names" select="substring-after($names, ' ')"/></xsl:call-template>
    </xsl:if>
  </xsl:template>

  <xsl:template name="roles">
    <xsl:param name="event"/>
    <xsl:param name="name"/>
    <xsl:variable name="is-notice" select="starts-with($event, 'missing_child_') or starts-with($event, 'at_risk_')"/>
    <xsl:choose>
      <xsl:when test="$name = 'child' and starts-with($event, 'missing_child_')"><role>missing_child</role><role>child</role></xsl:when>
      <xsl:when test="$name = 'holder'"><role>document_holder</role></xsl:when>
      <xsl:when test="$name = 'applicant'"><role>document_applicant</role></xsl:when>
      <xsl:when test="starts-with($name, 'giver')"><role>consent_giver</role></xsl:when>
      <xsl:when test="starts-with($name, 'companion') and $is-notice"><role>suspected_companion</role></xsl:when>
      <xsl:when test="starts-with($name, 'companion')"><role>companion</role></xsl:when>
      <xsl:when test="$name = 'escort' and ($event = 'document_check' or $event = 'border_crossing')"><role>escort</role><role>companion</role></xsl:when>
      <xsl:otherwise><role><xsl:value-of select="$name"/></role></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="party">
    <xsl:param name="event"/>
    <xsl:param name="name"/>
    <xsl:variable name="is-check" select="$event = 'document_check' or $event = 'border_crossing'"/>
    <xsl:variable name="is-document" select="starts-with($event, 'document_') and not($is-check)"/>
    <xsl:variable name="subject">
      <xsl:choose>
        <xsl:when test="$is-document">holder</xsl:when>
        <xsl:otherwise>child</xsl:otherwise>
      </xsl:choose>
    </xsl:variable>
    <xsl:variable name="cells" select="cell[substring-before(@name, '_') = $name]"/>
    <party id="{$name}">
      <xsl:call-template name="roles"><xsl:with-param name="event" select="$event"/><xsl:with-param name="name" select="$name"/></xsl:call-template>
      <xsl:call-template name="person-name">
        <xsl:with-param name="given" select="kw:name($cells[@name = concat($name, '_given')])"/>
        <xsl:with-param name="family" select="kw:name($cells[@name = concat($name, '_family')])"/>
        <xsl:with-param name="full" select="kw:name($cells[@name = concat($name, '_full_name')])"/>
        <xsl:with-param name="use">
          <xsl:choose>
            <xsl:when test="$is-check">presented</xsl:when>
            <xsl:when test="$is-document and $name = 'holder'">on_document</xsl:when>
          </xsl:choose>
        </xsl:with-param>
      </xsl:call-template>
      <xsl:call-template name="numbers"><xsl:with-param name="cells" select="$cells"/><xsl:with-param name="name" select="$name"/></xsl:call-template>
      <xsl:copy-of select="kw:coded('sex', 'sex', $cells[@name = concat($name, '_sex')])"/>
      <xsl:choose>
        <xsl:when test="kw:text($cells[@name = concat($name, '_birth_date')]) != ''">
          <dateOfBirth><xsl:copy-of select="kw:date($cells[@name = concat($name, '_birth_date')], $dates)"/></dateOfBirth>
        </xsl:when>
        <xsl:when test="kw:text($cells[@name = concat($name, '_age')]) != ''">
          <dateOfBirth><xsl:copy-of select="kw:age($cells[@name = concat($name, '_age')], 'years', substring(kw:text(cell[@name = 'at']), 1, 10))"/></dateOfBirth>
        </xsl:when>
      </xsl:choose>
      <xsl:for-each select="kw:split($cells[@name = concat($name, '_citizenship')], ';')"><xsl:copy-of select="kw:coded('citizenship', 'citizenship', .)"/></xsl:for-each>
      <xsl:if test="kw:text(concat($cells[@name = concat($name, '_address')], $cells[@name = concat($name, '_country')])) != ''">
        <usualResidence>
          <xsl:if test="kw:text($cells[@name = concat($name, '_address')]) != ''"><fullAddress><xsl:value-of select="kw:text($cells[@name = concat($name, '_address')])"/></fullAddress></xsl:if>
          <xsl:copy-of select="kw:coded('country', 'country', $cells[@name = concat($name, '_country')])"/>
        </usualResidence>
      </xsl:if>
      <xsl:if test="kw:text($cells[@name = concat($name, '_relationship')]) != '' and $name != $subject">
        <relationship to="{$subject}">
          <xsl:copy-of select="kw:coded('type', 'relationship-type', $cells[@name = concat($name, '_relationship')])"/>
          <basis>declared</basis>
        </relationship>
      </xsl:if>
      <xsl:if test="kw:text($cells[@name = concat($name, '_authority')]) != '' and $name != $subject">
        <parentalAuthority over="{$subject}"><xsl:copy-of select="kw:coded('status', 'authority-status', $cells[@name = concat($name, '_authority')])"/></parentalAuthority>
      </xsl:if>
      <xsl:call-template name="papers"><xsl:with-param name="cells" select="$cells"/><xsl:with-param name="name" select="$name"/></xsl:call-template>
    </party>
  </xsl:template>

  <xsl:template name="person-name">
    <xsl:param name="given"/>
    <xsl:param name="family"/>
    <xsl:param name="full"/>
    <xsl:param name="use"/>
    <xsl:variable name="script" select="kw:script(concat($given, $family, $full))"/>
    <xsl:if test="concat($given, $family, $full) != ''">
      <name>
        <xsl:if test="string($use) != ''"><xsl:attribute name="use"><xsl:value-of select="$use"/></xsl:attribute></xsl:if>
        <xsl:if test="$script != 'Zyyy'"><xsl:attribute name="script"><xsl:value-of select="$script"/></xsl:attribute></xsl:if>
        <xsl:if test="$full != ''"><fullName><xsl:value-of select="$full"/></fullName></xsl:if>
        <xsl:for-each select="kw:split($given, ' ')"><givenName><xsl:value-of select="."/></givenName></xsl:for-each>
        <xsl:if test="$family != ''"><familyName><xsl:value-of select="$family"/></familyName></xsl:if>
      </name>
    </xsl:if>
  </xsl:template>

  <xsl:template name="number">
    <xsl:param name="type"/>
    <xsl:param name="value"/>
    <xsl:param name="country"/>
    <xsl:if test="kw:text($value) != ''">
      <identifier>
        <type><xsl:value-of select="$type"/></type>
        <value><xsl:value-of select="kw:text($value)"/></value>
        <xsl:choose>
          <xsl:when test="kw:text($country) != ''"><xsl:copy-of select="kw:coded('issuingCountry', 'country', $country)"/></xsl:when>
          <xsl:when test="$jurisdiction != 'ZZ' and $type != 'passport'"><issuingCountry><xsl:value-of select="$jurisdiction"/></issuingCountry></xsl:when>
        </xsl:choose>
      </identifier>
    </xsl:if>
  </xsl:template>

  <!-- A passport's number is a number of its holder too. -->
  <xsl:template name="numbers">
    <xsl:param name="cells"/>
    <xsl:param name="name"/>
    <xsl:call-template name="number">
      <xsl:with-param name="type" select="'national_id'"/>
      <xsl:with-param name="value" select="$cells[@name = concat($name, '_national_id')]"/>
      <xsl:with-param name="country" select="$cells[@name = concat($name, '_national_id_country')]"/>
    </xsl:call-template>
    <xsl:call-template name="number">
      <xsl:with-param name="type" select="'birth_registration'"/>
      <xsl:with-param name="value" select="$cells[@name = concat($name, '_birth_registration')]"/>
      <xsl:with-param name="country" select="$cells[@name = concat($name, '_birth_registration_country')]"/>
    </xsl:call-template>
    <xsl:if test="kw:text($cells[@name = concat($name, '_document_type')]) != '' and contains(kw:code('document-type', $cells[@name = concat($name, '_document_type')]), 'passport')">
      <xsl:call-template name="number">
        <xsl:with-param name="type" select="'passport'"/>
        <xsl:with-param name="value" select="$cells[@name = concat($name, '_document_number')]"/>
        <xsl:with-param name="country" select="$cells[@name = concat($name, '_document_country')]"/>
      </xsl:call-template>
    </xsl:if>
  </xsl:template>

  <xsl:template name="papers">
    <xsl:param name="cells"/>
    <xsl:param name="name"/>
    <xsl:if test="$cells[starts-with(@name, concat($name, '_document_'))][kw:text(.) != '']">
      <document>
        <xsl:choose>
          <xsl:when test="kw:text($cells[@name = concat($name, '_document_type')]) = ''"><type>unknown</type></xsl:when>
          <xsl:otherwise><xsl:copy-of select="kw:coded('type', 'document-type', $cells[@name = concat($name, '_document_type')])"/></xsl:otherwise>
        </xsl:choose>
        <xsl:if test="kw:text($cells[@name = concat($name, '_document_number')]) != ''"><number><xsl:value-of select="kw:text($cells[@name = concat($name, '_document_number')])"/></number></xsl:if>
        <xsl:copy-of select="kw:coded('issuingCountry', 'country', $cells[@name = concat($name, '_document_country')])"/>
        <xsl:if test="kw:text($cells[@name = concat($name, '_document_expires_on')]) != ''"><expiresOn><xsl:copy-of select="kw:date($cells[@name = concat($name, '_document_expires_on')], $dates)"/></expiresOn></xsl:if>
        <xsl:for-each select="$cells[@name = concat($name, '_document_mrz1') or @name = concat($name, '_document_mrz2')][kw:text(.) != '']"><mrzLine><xsl:value-of select="kw:text(.)"/></mrzLine></xsl:for-each>
        <xsl:call-template name="boolean"><xsl:with-param name="element" select="'mrzValid'"/><xsl:with-param name="cell" select="concat($name, '_document_mrz_valid')"/></xsl:call-template>
        <xsl:copy-of select="kw:coded('verified', 'verification', $cells[@name = concat($name, '_document_verified')])"/>
      </document>
    </xsl:if>
  </xsl:template>
</xsl:stylesheet>
